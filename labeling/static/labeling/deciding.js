// Deciding by keyboard. The page is a plain form and works without this: digits answer the question
// in hand and go to the next one, Enter decides, S leaves the unit, [ and ] go back and forth.
import { isBracket, isOtherCharacter, keyOf } from "./questions.js";

const form = document.querySelector("#decision");
const questions = () =>
  [...(form?.querySelectorAll(".crit") ?? [])].filter((one) => one.checkVisibility());
const inHand = () => form?.querySelector(".crit.on") ?? null;

const control = (question) =>
  question.querySelector(":checked") ?? question.querySelector("input, textarea");

const takeInHand = (question) => {
  for (const other of form.querySelectorAll(".crit")) other.classList.toggle("on", other === question);
};

const goTo = (question) => {
  if (!question) return;
  takeInHand(question);
  control(question).focus({ preventScroll: true });
  question.scrollIntoView({ block: "nearest" });
};

const isAnswered = (question) =>
  question.querySelector(":checked") !== null ||
  Boolean(question.querySelector("textarea, input[type=text]")?.value.trim());

// To what is still open below, or where a decision is changed to the question below.
const onward = (question) => {
  const below = questions().slice(questions().indexOf(question) + 1);
  const isWords = (one) => one.dataset.control === "words";
  goTo(below.find((one) => !isAnswered(one)) ?? below.find((one) => !isWords(one)) ?? question);
};

const showState = (question) => {
  const state = question.querySelector(".state");
  if (!state) return;
  const typed = question.querySelector("textarea, input[type=text]")?.value.trim() ?? "";
  const chosen = [...question.querySelectorAll(".scale :checked")].map((input) => {
    const label = input.closest("label");
    return (label.querySelector("span") ?? label).textContent.trim();
  });
  const cannot = question.querySelector(".na :checked") !== null;
  state.textContent = cannot ? "cannot judge" : chosen.join(", ") || typed.slice(0, 40) || "not yet";
};

const choose = (question, input) => {
  if (!input) return false;
  input.checked = input.type === "radio" || !input.checked;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  if (input.type === "radio") onward(question);
  else input.focus();
  return true;
};

const step = (by) => {
  const all = questions();
  goTo(all[all.indexOf(inHand()) + by]);
  return true;
};

const follow = (key) => {
  const link = document.querySelector(`a[data-press="${CSS.escape(key)}"]`);
  link?.click();
  return Boolean(link);
};

const decide = () => {
  const button = form?.querySelector("button[value=decide]");
  button?.click();
  return Boolean(button);
};

// Words: into the critique, or into the corrected output, wherever it is folded away.
const write = (selector) => {
  const field = form?.querySelector(selector);
  if (!field) return false;
  const fold = field.closest("details");
  if (fold) fold.open = true;
  field.focus();
  return true;
};

const isTyping = (target) => target.matches("textarea, select, input[type=text]");

const onKey = (event, key) => {
  const question = inHand();
  if (isTyping(event.target)) {
    if (key !== "escape") return false;
    event.target.blur();
    return true;
  }
  if (key === "enter") return event.target.closest("button, a, summary") === null && decide();
  if (["s", "[", "]"].includes(key)) return follow(key);
  if (key === "c") return write("[data-control=words]:not([data-corrects]) textarea");
  if (key === "e") return write("[data-corrects] textarea");
  if (key === "arrowdown" || key === "arrowup") {
    return question !== null && step(key === "arrowdown" ? 1 : -1);
  }
  if (!question) return false;
  if (key === "n") return choose(question, question.querySelector(".na input"));
  return choose(question, question.querySelector(`[data-key="${CSS.escape(key.toUpperCase())}"]`));
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  if (event.metaKey || event.repeat || isOtherCharacter(event)) return;
  if (document.querySelector("dialog[open], details.menu[open]")) return;
  if (event.ctrlKey && !isBracket(event)) {
    if (event.key === "Enter" && decide()) event.preventDefault();
    return;
  }
  if (onKey(event, keyOf(event))) event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const question = event.target.closest("#decision .crit");
  if (question) takeInHand(question);
});

const onInput = (event) => {
  const question = event.target.closest("#decision .crit");
  if (!question) return;
  if (event.type === "input" && event.target.value && isTyping(event.target)) {
    const cannot = question.querySelector(".na input");
    if (cannot) cannot.checked = false;
  }
  showState(question);
};
document.addEventListener("input", onInput);
document.addEventListener("change", onInput);

// A correction begins with the output that it corrects.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-starts]");
  if (!button) return;
  const sources = document.querySelectorAll("template[data-source]");
  const field = button.closest(".crit").querySelector("textarea");
  field.value = sources[Number(button.dataset.starts)]?.content.textContent ?? "";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

// Two presses of Enter decide one unit.
form?.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
addEventListener("pageshow", () => form && delete form.dataset.sent);

const all = questions();
for (const question of form?.querySelectorAll(".crit") ?? []) showState(question);
goTo(all.find((one) => one.querySelector(".err")) ?? all.find((one) => !isAnswered(one)) ?? all[0]);
if (all.length) scrollTo(0, 0);
