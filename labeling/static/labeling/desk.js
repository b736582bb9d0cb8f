// The desk by keyboard. The page is a plain form and works without this: here are the keys, the
// question in hand, the choices that a reload or a login in between would lose, and the sign of
// life that keeps what a person holds from going to others.
"use strict";
(() => {
  const STAY_MS = 60_000;
  const DRAFTS = "evalhub-desk";
  const find = (selector) => document.querySelector(selector);
  const form = () => find("#judgement");
  const criteria = () => [...document.querySelectorAll("#judgement .crit")];
  const inHand = () => find("#judgement .crit.on");

  // Questions

  const isAnswered = (criterion) =>
    criterion.querySelector("input:checked") !== null ||
    Boolean(criterion.querySelector("input[type=text]")?.value.trim());

  const isRequired = (criterion) => criterion.querySelector(".optional") === null;

  const control = (criterion) =>
    criterion.querySelector(".scale :checked") ||
    criterion.querySelector(".scale input, .entry input") ||
    criterion.querySelector("input");

  const takeInHand = (criterion) => {
    for (const other of criteria()) other.classList.toggle("on", other === criterion);
  };

  // What is being read must not move: the page scrolls only where the questions are out of sight.
  const bringIntoView = (criterion) => {
    const list = criterion.parentElement;
    const frame = list.getBoundingClientRect();
    const place = criterion.getBoundingClientRect();
    list.scrollTop += Math.min(0, place.top - frame.top) + Math.max(0, place.bottom - frame.bottom);
    const { top, bottom } = criterion.getBoundingClientRect();
    if (top < 0 || bottom > innerHeight) criterion.scrollIntoView({ block: "nearest" });
  };

  const goTo = (criterion) => {
    if (!criterion) return;
    takeInHand(criterion);
    control(criterion).focus({ preventScroll: true });
    bringIntoView(criterion);
  };

  const showState = (criterion) => {
    const chosen = criterion.querySelector(".scale :checked");
    const typed = criterion.querySelector("input[type=text]");
    const label = chosen && chosen.closest("label");
    let text = label ? (label.querySelector("span") || label).textContent.trim() : "";
    if (criterion.querySelector(".na input").checked) text = "cannot judge";
    else if (typed) text = typed.value.trim();
    criterion.querySelector(".state").textContent = text || "not yet";
  };

  const onward = (criterion) => {
    const all = criteria();
    const after = [...all.slice(all.indexOf(criterion) + 1), ...all];
    goTo(after.find((other) => !isAnswered(other)) || criterion);
    return true;
  };

  // A number is typed, so Enter ends it; only the last one that is wanted submits.
  const isWanting = (typed) =>
    isAnswered(typed) && criteria().some((other) => isRequired(other) && !isAnswered(other));

  const choose = (criterion, input) => {
    if (!input) return false;
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return onward(criterion);
  };

  const cannotJudge = (criterion) => {
    const input = criterion.querySelector(".na input");
    if (input.type === "checkbox" && input.checked) {
      input.checked = false;
      input.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    }
    return choose(criterion, input);
  };

  const step = (by) => {
    const all = criteria();
    const next = all[all.indexOf(inHand()) + by];
    if (next) goTo(next);
    return true;
  };

  // Choices that are not sent yet. They stay in this tab, for this person alone.

  const owned = () => `${DRAFTS} ${find("#unit").dataset.person} `;

  const withStorage = (act) => {
    try {
      return act(sessionStorage);
    } catch {
      return null; // Storage is off or full: what is chosen lasts as long as the page.
    }
  };

  const keep = () => {
    const { unit } = form().elements;
    const chosen = [...new FormData(form())].filter(([name]) => /^q\d/.test(name));
    if (unit) withStorage((kept) => kept.setItem(owned() + unit.value, JSON.stringify(chosen)));
  };

  const forget = (unit) => withStorage((kept) => kept.removeItem(owned() + unit));

  const forgetOthers = () =>
    withStorage((kept) => {
      for (const key of Object.keys(kept)) {
        if (key.startsWith(`${DRAFTS} `) && !key.startsWith(owned())) kept.removeItem(key);
      }
    });

  const restore = () => {
    const { unit } = form().elements;
    const chosen =
      unit && withStorage((kept) => JSON.parse(kept.getItem(owned() + unit.value)));
    if (!chosen) return;
    const has = (name, value) => chosen.some((one) => one[0] === name && one[1] === value);
    for (const input of form().querySelectorAll(".crit input")) {
      if (input.type !== "text") input.checked = has(input.name, input.value);
      else input.value = new Map(chosen).get(input.name) ?? input.value;
    }
  };

  // Keys

  const press = (name) => {
    const button = form()?.querySelector(`button[name=do][value=${name}]`);
    if (button) button.click();
    return Boolean(button);
  };

  const open = (id) => {
    document.getElementById(id)?.showModal();
    return true;
  };

  const isTyping = (target) =>
    target.isContentEditable || target.matches("textarea, select, input[type=text]");

  const keyOf = (event) => {
    if (event.code.startsWith("Digit") && !event.shiftKey) return event.code.slice(5);
    const key = event.key.toLowerCase();
    // Where letters are not Latin, the place on the keyboard counts.
    return key.length === 1 && key > "\u007f" && event.code.startsWith("Key")
      ? event.code.slice(3).toLowerCase()
      : key;
  };

  const whileTyping = (event, key) => {
    const criterion = event.target.closest(".crit");
    if (!criterion) return false;
    if (key === "arrowup") return step(-1);
    if (key === "arrowdown") return step(1);
    if (key === "n") return cannotJudge(criterion); // no number has an n
    if (key === "enter") return isWanting(criterion) ? onward(criterion) : press("submit");
    if (key === "escape") {
      event.target.blur();
      return true;
    }
    return false;
  };

  const COMMANDS = {
    arrowup: () => step(-1),
    arrowdown: () => step(1),
    n: () => inHand() && cannotJudge(inHand()),
    s: () => press("skip"),
    u: () => press("undo"),
    g: () => open("guidelines"),
    "?": () => open("keys"),
  };

  const isNative = (event) => event.target.closest("button, a, summary") !== null;

  const onKey = (event, key) => {
    if (isTyping(event.target)) return whileTyping(event, key);
    if (event.ctrlKey) return key === "z" && press("undo");
    if (key === "enter") return !isNative(event) && press("submit");
    if (/^[0-9]$/.test(key)) {
      const criterion = inHand();
      return criterion !== null && choose(criterion, criterion.querySelector(`[data-key="${key}"]`));
    }
    return Object.hasOwn(COMMANDS, key) && COMMANDS[key]();
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    if (event.metaKey || event.altKey || event.repeat || find("dialog[open]")) return;
    if (event.ctrlKey && (event.shiftKey || isTyping(event.target))) return;
    if (onKey(event, keyOf(event))) event.preventDefault();
  });

  // What people do with the mouse or a finger

  document.addEventListener("focusin", (event) => {
    const criterion = event.target.closest?.("#judgement .crit");
    if (criterion) takeInHand(criterion);
  });

  document.addEventListener("change", (event) => {
    const criterion = event.target.closest("#judgement .crit");
    if (!criterion) return;
    showState(criterion);
    keep();
  });

  document.addEventListener("input", (event) => {
    const criterion = event.target.closest("#judgement .crit");
    if (!criterion || !event.target.matches("input[type=text]")) return;
    const cannot = criterion.querySelector(".na input");
    if (event.target.value) cannot.checked = false;
    showState(criterion);
    keep();
  });

  document.addEventListener("click", (event) => {
    const criterion = event.target.closest("#judgement .crit");
    if (!criterion) return;
    const isPointer = event.detail > 0;
    if (isPointer && event.target.matches(".scale input")) onward(criterion);
    else if (isPointer && !event.target.matches("input")) takeInHand(criterion);
  });

  // Each unit

  const showClocks = () => {
    for (const clock of document.querySelectorAll("#unit [data-clock]")) {
      clock.textContent = new Date(clock.dateTime).toLocaleTimeString([], { hour12: false });
    }
  };

  // What replaces #unit is not read aloud by itself; the focus says only which question is next.
  const announce = () => {
    const words = [".saved", ".dhead .num", "#nothing h2"].map((part) => find(`#unit ${part}`));
    const said = words.map((part) => part?.textContent.replace(/\s+/g, " ").trim());
    find("#announced").textContent = said.filter(Boolean).join(". ");
  };

  const begin = () => {
    for (const item of document.querySelectorAll("#unit [data-needs-script]")) item.hidden = false;
    showClocks();
    forgetOthers();
    restore();
    const all = criteria();
    for (const criterion of all) showState(criterion);
    const refused = all.find((criterion) => criterion.querySelector(".err"));
    goTo(refused || all.find((criterion) => !isAnswered(criterion)) || all[0]);
    // Not on a button: another Enter of a quick hand must do nothing.
    if (!all.length) find("#nothing h2")?.focus();
    for (const zone of document.querySelectorAll("#unit .zone")) zone.scrollTop = 0;
    if (!refused) scrollTo(0, 0);
  };

  const stay = async () => {
    const here = form();
    if (document.hidden || !here || !here.elements.unit) return;
    const body = new FormData(here);
    body.set("do", "stay");
    try {
      await fetch(here.action, { method: "POST", body, credentials: "same-origin" });
    } catch {
      // No connection: the next try is in a minute, and a submit says so aloud.
    }
  };

  // A session that ended answers with the login page: go there instead of showing it in here.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, xhr } = event.detail;
    if (new URL(xhr.responseURL).pathname !== location.pathname) {
      event.detail.shouldSwap = false;
      location.reload();
    } else if (xhr.status === 200 && ["submit", "skip"].includes(requestConfig.parameters.do)) {
      forget(requestConfig.parameters.unit);
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const unit = form().elements.unit;
    // What is taken back comes with the answers that counted.
    if (unit && event.detail.requestConfig?.parameters.do === "undo") forget(unit.value);
    begin();
    announce();
  });
  setInterval(stay, STAY_MS);
  document.addEventListener("visibilitychange", stay);
  begin();
})();
