// The questions of the form: which of them are asked, which one is in hand, what is answered.
// The server reads the same form by the same rules (labeling/forms/desk.py).

const find = (selector) => document.querySelector(selector);

export const form = () => find("#judgement");
const all = () => [...document.querySelectorAll("#judgement .crit")];
export const asked = () => all().filter((question) => !question.disabled);
export const inHand = () => find("#judgement .crit.on:not(:disabled)");
export const questionOf = (element) => element.closest?.("#judgement .crit") ?? null;

const options = (question) => [...question.querySelectorAll(".scale input")];
const chosen = (question) => options(question).filter((input) => input.checked);
const typed = (question) => question.querySelector(".entry input, .words textarea");
const cannot = (question) => question.querySelector(".na input");
const isRequired = (question) => "required" in question.dataset;
export const isWords = (question) => question.dataset.control === "words";

export const isAnswered = (question) =>
  cannot(question).checked ||
  chosen(question).length > 0 ||
  Boolean(typed(question)?.value.trim());

// Numbers, as the server reads them.

const NUMERAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

const numeral = (text) => {
  const written = text.trim().replace("\u2212", "-");
  const number = NUMERAL.test(written) ? Number(written) : NaN;
  return Number.isFinite(number) ? number : null;
};

const isOutside = (input) => {
  const number = numeral(input.value);
  const { low = "", high = "" } = input.dataset;
  return (low !== "" && number < Number(low)) || (high !== "" && number > Number(high));
};

// Which questions are asked: what an earlier answer does not call for is neither seen nor sent.

const callsFor = (question, earlier) => {
  if (earlier.disabled || cannot(earlier).checked) return false;
  const { tokens, atMost, atLeast } = question.dataset;
  if (earlier.dataset.control !== "number") {
    const wanted = tokens.split(" ");
    return chosen(earlier).some((input) => wanted.includes(input.value));
  }
  const number = numeral(typed(earlier).value);
  if (number === null) return false;
  return atMost === "" ? number >= Number(atLeast) : number <= Number(atMost);
};

const stateOf = (question) => {
  if (cannot(question).checked) return "cannot judge";
  const labels = chosen(question).map((input) => {
    const label = input.closest("label");
    return (label.querySelector("span") || label).textContent.trim();
  });
  return labels.join(", ") || typed(question)?.value.trim().slice(0, 40) || "not yet";
};

export const refresh = () => {
  for (const question of all()) {
    const { when } = question.dataset;
    const isAsked = !when || callsFor(question, document.getElementById(when));
    question.disabled = !isAsked;
    question.classList.toggle("unasked", !isAsked);
    question.querySelector(".state").textContent = stateOf(question);
  }
};

// The question in hand

const takeInHand = (question) => {
  for (const other of all()) other.classList.toggle("on", other === question);
};

// What is being read must not move: the page scrolls only where the questions are out of sight.
const bringIntoView = (question) => {
  const list = question.parentElement;
  const frame = list.getBoundingClientRect();
  const place = question.getBoundingClientRect();
  list.scrollTop += Math.min(0, place.top - frame.top) + Math.max(0, place.bottom - frame.bottom);
  const { top, bottom } = question.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) question.scrollIntoView({ block: "nearest" });
};

export const hold = (question) => {
  takeInHand(question);
  bringIntoView(question);
};

// Words take the focus only when they are to be written: in a text the keys are letters.
export const goTo = (question, { writes = false } = {}) => {
  if (!question) return;
  takeInHand(question);
  let control = chosen(question)[0] || options(question)[0] || typed(question);
  if (isWords(question) && !writes) {
    question.tabIndex = -1;
    control = question;
  }
  control.focus({ preventScroll: true });
  bringIntoView(question);
};

export const step = (by) => {
  const list = asked();
  goTo(list[list.indexOf(inHand()) + by]);
};

const isOpen = (question) => !isAnswered(question) && (isRequired(question) || !isWords(question));

const below = (question) => asked().slice(asked().indexOf(question) + 1);

/**
 * Go to the next question that is still open. Where none is, an answer is being changed: the next
 * digit is for the question below, not for this one again. Say whether there was one to go to.
 */
export const onward = (question) => {
  const open = [...below(question), ...asked()].find(isOpen);
  const next = open || below(question).find((each) => !isWords(each));
  goTo(next || question, { writes: Boolean(open) });
  return Boolean(next);
};

/** Leave words: for what is still open below, so that the next digit is for that. */
export const leave = (question) => {
  const open = below(question).find((each) => isOpen(each) && !isWords(each));
  goTo((isAnswered(question) && open) || question);
};

export const begin = () => {
  refresh();
  const list = asked();
  const refused = list.find((question) => question.querySelector(".err"));
  goTo(refused || list.find(isOpen) || list[0]);
  if (!list.length) find("#judgement .between")?.focus();
  return refused !== undefined;
};

/** Go to words that are asked for: a critique, or a correction. */
export const write = (isCorrection) => {
  const words = asked().filter(
    (question) => isWords(question) && "corrects" in question.dataset === isCorrection,
  );
  const next = words[(words.indexOf(inHand()) + 1) % words.length];
  goTo(next, { writes: true });
  return next;
};

// Answers

const changed = (input) => input.dispatchEvent(new Event("change", { bubbles: true }));

export const optionOf = (question, key) => question.querySelector(`[data-key="${key}"]`);

/** Choose an option, or one more of several; say whether the question is answered by that. */
export const choose = (input) => {
  input.checked = input.type === "radio" || !input.checked;
  changed(input);
  return input.type === "radio";
};

export const cannotJudge = (question) => {
  const input = cannot(question);
  input.checked = input.type === "radio" || !input.checked;
  changed(input);
  return input.checked;
};

/** Keep "cannot judge" and an answer from standing side by side. */
export const settle = (question, input) => {
  const none = cannot(question);
  if (input === none && none.checked) {
    for (const option of options(question)) option.checked = false;
  } else if (input !== none && isAnswered(question)) {
    none.checked = false;
  }
  question.querySelector(".err")?.remove();
  refresh();
};

const complain = (question, words) => {
  question.querySelector(".err")?.remove();
  const error = document.createElement("p");
  error.className = "err";
  error.setAttribute("role", "alert");
  error.textContent = words;
  question.querySelector("[id$='-notes']").append(error);
  goTo(question, { writes: true });
};

const faultOf = (question) => {
  const input = typed(question);
  if (!isAnswered(question)) {
    return isRequired(question) ? "No answer yet. Choose n/a if it cannot be judged." : "";
  }
  if (question.dataset.control !== "number" || cannot(question).checked) return "";
  if (numeral(input.value) === null) return "This is no number; write it as 8 or 8.5.";
  return isOutside(input) ? question.querySelector(".entry .hint").textContent : "";
};

/** Say whether a question has nothing wrong; where it has, say what. */
export const isRight = (question) => {
  const fault = faultOf(question);
  if (fault) complain(question, fault);
  return !fault;
};

/** Say whether the form can be submitted; where not, go to what is wrong and say it. */
export const isComplete = ({ quietly = false } = {}) => {
  const list = asked();
  const wrong = list.find((question) => faultOf(question) !== "");
  if (wrong && !quietly) complain(wrong, faultOf(wrong));
  if (wrong) return false;
  if (list.some(isAnswered)) return true;
  if (!quietly && list.length) complain(list[0], "Answer at least one question, or skip this one.");
  return false;
};

// The form as {name: [values]}

export const fields = () => {
  const said = {};
  for (const [name, value] of new FormData(form())) {
    if (/^q\d/.test(name) && value !== "") (said[name] ||= []).push(value);
  }
  return said;
};

export const fill = (said) => {
  for (const input of form().querySelectorAll(".crit :is(input, textarea)")) {
    const values = said[input.name] || [];
    if (input.matches("[type=radio], [type=checkbox]")) {
      input.checked = values.includes(input.value);
    } else {
      input.value = values[0] ?? "";
    }
  }
  refresh();
};

/** Say in words what a form of these fields holds, question by question. */
export const inWords = (said) => {
  const now = fields();
  fill(said);
  const rows = all().map((question) => [
    question.querySelector("legend span").firstChild.textContent.trim(),
    question.disabled ? "not asked" : stateOf(question),
  ]);
  fill(now);
  return rows;
};

// Keys, for the desk and for the page of decisions. By character, so that every layout finds them;
// digits also by place and on the number pad.

// Alt and AltGr make other characters of a key: brackets on many layouts, and nothing else of ours.
export const isBracket = (event) => event.key === "[" || event.key === "]";
export const isOtherCharacter = (event) =>
  (event.altKey || event.getModifierState("AltGraph")) && !isBracket(event);

export const keyOf = (event) => {
  if (isBracket(event)) return event.key;
  if (/^(Digit|Numpad)\d$/.test(event.code) && !event.shiftKey) return event.code.slice(-1);
  const key = event.key.toLowerCase();
  // Where letters are not Latin, the place on the keyboard counts.
  return key.length === 1 && key > "\u007f" && event.code.startsWith("Key")
    ? event.code.slice(3).toLowerCase()
    : key;
};
