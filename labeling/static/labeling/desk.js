// The desk by keyboard. The page is a plain form and works without this. With it the next unit is
// painted the moment one is submitted, and the answer of the server brings the one after.
import * as keeping from "./keeping.js";
import * as questions from "./questions.js";
import { isBracket, isOtherCharacter, keyOf } from "./questions.js";

const STAY_MS = 60_000;
const QUICK_MS = 300; // between two submits: the second is asked about
const TOAST_MS = 6_000;
const REST_AT_MOST_MS = 60_000; // whatever the clock of this machine says

const find = (selector) => document.querySelector(selector);
const findAll = (selector) => [...document.querySelectorAll(selector)];
const desk = find("#desk");
const place = find("#unit");
const zones = () => find("#unit .zones");
const onScreen = () => zones()?.dataset.unit ?? "";
const isOwn = () => "own" in (zones()?.dataset ?? {});
const isBetween = () => "between" in (zones()?.dataset ?? {}); // to be read, and not judged

let ahead = find("#ahead")?.content ?? null; // the next unit, not painted yet
let aside = null; // the unit that was left to look at own answers
let isWaiting = false; // the unit on the screen is done with, and the next is not here yet

// What is said aloud, and in a corner of the screen

const announce = (words) => {
  find("#announced").textContent = words.filter(Boolean).join(". ");
};

const say = (words, { isBad = false, undoes = false } = {}) => {
  const box = document.createElement("div");
  box.className = isBad ? "toast down" : "toast";
  box.append(Object.assign(document.createElement("span"), { textContent: words }));
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn s";
  if (undoes) {
    button.innerHTML = "<kbd>U</kbd>Undo";
    button.dataset.undoes = "";
  } else {
    button.textContent = "Close";
    button.dataset.dismiss = "";
  }
  box.append(button);
  find("#toasts").replaceChildren(box);
  if (!isBad) setTimeout(() => box.matches(":hover, :focus-within") || box.remove(), TOAST_MS);
};

// What was said of one unit says nothing of the next.
const hush = () => {
  for (const box of findAll("#toasts .toast:not(.down)")) box.remove();
};

const showClocks = () => {
  for (const each of findAll("[data-clock]")) each.textContent = keeping.clock(each.dateTime);
};

const showProgress = ({ answered, total, words, left }) => {
  find("#done").max = total || 1;
  find("#done").value = answered;
  const box = find("#progress");
  box.replaceChildren(Object.assign(document.createElement("b"), { textContent: words }));
  if (left) box.append(`, ${left}`);
};

// How texts are shown, which stays as it was chosen

const CHOICES = "evalhub-desk-view";
const view = (() => {
  try {
    return JSON.parse(localStorage.getItem(CHOICES)) ?? {};
  } catch {
    return {};
  }
})();

const toggleView = (name) => {
  if (!find(`[data-view="${name}"]`)) return;
  view[name] = !view[name];
  try {
    localStorage.setItem(CHOICES, JSON.stringify(view));
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
  showView();
};

const showView = () => {
  zones()?.toggleAttribute("data-raw", Boolean(view.raw));
  zones()?.toggleAttribute("data-differs", Boolean(view.diff));
  for (const button of findAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(Boolean(view[button.dataset.view])));
  }
  if (view.diff) showDifferences();
};

const showDifferences = async () => {
  const boxes = findAll("#unit .differing");
  const unit = onScreen();
  if (!boxes.length || boxes[0].hasChildNodes()) return;
  const found = await keeping.look({ differing: unit });
  if (onScreen() !== unit) return;
  if (!found) return say("The server cannot be reached to compare them.", { isBad: true });
  if (!found.sides.length) {
    zones().removeAttribute("data-differs");
    return say("These two have too few words in common to mark what differs.");
  }
  boxes.forEach((box, at) => (box.innerHTML = found.sides[at]));
};

const togglePassages = () => {
  const menu = find("#unit .passages-of");
  if (menu) {
    menu.open = !menu.open;
    if (menu.open) menu.scrollIntoView({ block: "nearest" });
    return;
  }
  const passages = findAll("#unit .psg");
  const opens = passages.some((each) => !each.open);
  for (const each of passages) each.open = opens;
};

const sides = () => findAll("#unit .sides > .zone");

// The other side goes as far down as this one, in parts of the whole.
let scrolledByUs = null;
const scrollTogether = (event) => {
  const zone = event.target;
  const both = sides();
  if (!view.together || !both.includes(zone)) return;
  if (scrolledByUs === zone) {
    scrolledByUs = null;
    return;
  }
  const other = both.find((each) => each !== zone);
  const way = (each) => each.scrollHeight - each.clientHeight;
  const to = way(zone) > 0 ? Math.round((zone.scrollTop / way(zone)) * way(other)) : 0;
  if (Math.abs(other.scrollTop - to) < 2) return;
  scrolledByUs = other;
  other.scrollTop = to;
};

const scrollBy = (pages, isEvidence) => {
  const zone = isEvidence ? find("#evidence") : find("#unit .zone.paper");
  const isAlone = zone && zone.scrollHeight > zone.clientHeight;
  (isAlone ? zone : window).scrollBy({ top: pages * 0.85 * (isAlone ? zone.clientHeight : innerHeight) });
  return true;
};

// The unit on the screen, and for how long somebody has looked at it

let since = 0;
let looked = 0;
const look = () => {
  if (since) looked += performance.now() - since;
  since = document.hidden ? 0 : performance.now();
};
const secondsLooked = () => {
  look();
  return (looked / 1_000).toFixed(1);
};

const begin = () => {
  isWaiting = false;
  [since, looked] = [0, 0];
  look();
  showClocks();
  showView();
  for (const zone of findAll("#unit .zone")) zone.scrollTop = 0;
  if (!onScreen()) {
    // Not on a button: another Enter of a quick hand must do nothing.
    find("#nothing h2")?.focus();
    return rest();
  }
  keeping.saveDraft();
  if (!isOwn()) keeping.restore();
  const isRefused = questions.begin();
  showGuideButton();
  if (!isRefused) scrollTo(0, 0);
  readGuide();
};

// The break in a campaign of one example ends by itself.
let resting = null;
const rest = () => {
  const ends = Date.parse(find("#nothing")?.dataset.ends);
  clearTimeout(resting);
  if (!ends) return;
  const goOn = () => !onScreen() && fetchUnit({ do: "look" });
  resting = setTimeout(goOn, Math.min(REST_AT_MOST_MS, Math.max(1_000, ends - Date.now() + 500)));
};

const paint = (content) => {
  place.replaceChildren(content);
  begin();
  announce([find("#nothing h2")?.textContent, find("#progress").textContent]);
};

const contentOf = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
};

const wait = () => {
  isWaiting = true;
  zones()?.setAttribute("aria-busy", "true");
};

const goOn = () => {
  isWaiting = false;
  zones()?.removeAttribute("aria-busy");
};

// Going on: what is done is sent, what comes next is painted at once

let submittedAt = -QUICK_MS;
// What is on the screen when a request goes: the server sends a unit only if another one is due.
const known = () => ({
  shown: isWaiting ? "" : onScreen(),
  guide: find("#guidelines")?.dataset.number ?? "",
});

const entryOf = (act, more = {}) => {
  const { unit, set } = questions.form().elements;
  return {
    do: act,
    unit: unit.value,
    set: set.value,
    seconds: secondsLooked(),
    ...(isOwn() || "reopened" in zones().dataset ? { own: "1" } : {}),
    ...questions.fields(),
    ...more,
  };
};

const leave = (entry) => {
  hush();
  keeping.forget(entry.unit);
  const holdsOn = "givesFeedback" in zones().dataset;
  const next = aside ?? (holdsOn ? null : ahead);
  if (aside === null && next) ahead = null;
  aside = null;
  keeping.putIn(entry);
  if (next) paint(next);
  else wait();
  keeping.deliver(entry, known, take);
};

// Why an own answer stays as it is, if it does.
const settled = () => find("#judgement [data-settled]")?.dataset.settled;

const submit = ({ isSure = false, byItself = false } = {}) => {
  if (isWaiting || !onScreen()) return true;
  if (settled()) return say(settled()), true;
  if (!isBetween() && !questions.isComplete()) return true;
  const now = performance.now();
  if (now - submittedAt < QUICK_MS && !isSure) {
    find("#quick").showModal();
    find("#quick [data-submits]").focus();
    return true;
  }
  submittedAt = now;
  leave(entryOf(isBetween() ? "pass" : "submit"));
  if (byItself) say("Submitted.", { undoes: true });
  return true;
};

const skip = (reason) => {
  const note = find("#skip-note").value;
  find("#skip").close();
  find("#skip-note").value = "";
  if (!isWaiting && onScreen()) leave(entryOf("skip", { reason, note }));
};

/** Take what the server says: how far one is, what comes now, and what after it. */
const take = (reply, entry) => {
  if (reply.progress) showProgress(reply.progress);
  if (reply.guide) showGuide(reply.guide);
  for (const [words, isBad] of reply.said ?? []) say(words, { isBad });
  if (reply.detail) say(reply.detail, { isBad: true });
  if (reply.feedback) return showFeedback(reply);
  if (reply.is_refused) return takeBack(reply, entry);
  return goOnWith(reply);
};

const goOnWith = (reply) => {
  if (keeping.isOnItsWay(reply.now)) reply.unit = null;
  if ("ahead" in reply) ahead = reply.ahead ? contentOf(reply.ahead) : null;
  const isLast = keeping.nOnTheirWay() === 0;
  if (reply.unit && isLast && aside === null) paint(contentOf(reply.unit));
  else if (isWaiting && ahead) {
    const next = ahead;
    ahead = null;
    paint(next);
  } else if (isWaiting && isLast) goOn();
};

// The server found fault with what was submitted: it comes back, as a draft, and what was begun
// is next.
const takeBack = (reply) => {
  if (!isWaiting) ahead = contentOf("");
  if (!isWaiting) ahead.append(...place.childNodes);
  paint(contentOf(reply.unit));
  keeping.keep();
};

const showFeedback = (reply) => {
  const dialog = find("#feedback");
  find("#feedback-words").innerHTML = reply.feedback;
  dialog.onclose = () => goOnWith(reply);
  dialog.showModal();
  find("#feedback-title").focus();
};

/** Ask for another unit than the one that would come: the last one, or an own one. */
const fetchUnit = async (entry) => {
  if (isWaiting) return;
  wait();
  const reply = await keeping.ask({ ...entry, shown: "", guide: known().guide });
  goOn();
  if (!reply) return say("This needs the connection, and there is none.", { isBad: true });
  if (reply.ok) {
    aside = null;
    keeping.forget(reply.now);
  }
  take(reply, entry);
};

const undo = () => {
  if (keeping.nOnTheirWay()) {
    say("The last answer is still on its way; it can be taken back when it has arrived.");
  } else {
    fetchUnit({ do: "undo" });
  }
  return true;
};

// Own answers, back and forth

const lookAtOwn = async (way) => {
  if (isWaiting || (way === "newer" && !isOwn())) return;
  hush();
  const found = await keeping.look({ own: isOwn() ? onScreen() : "", way });
  if (!found) return say("This needs the connection, and there is none.", { isBad: true });
  if (found.unit) {
    if (!isOwn()) aside = detached();
    paint(contentOf(found.unit));
  } else if (way === "newer") backToWork();
  else say("There is no earlier answer of yours.");
};

const detached = () => {
  const content = document.createDocumentFragment();
  content.append(...place.childNodes);
  return content;
};

// A page that was opened at an own answer has the work ahead of it.
const backToWork = () => {
  const content = aside ?? ahead;
  if (aside === null) ahead = null;
  aside = null;
  if (content) paint(content);
  else location.assign(desk.dataset.at);
};

// What is changed of an own answer is a draft like any other: it comes to the desk.
const reopen = async () => {
  const unit = onScreen();
  delete zones().dataset.own;
  zones().dataset.reopened = "";
  const reply = await keeping.ask({ ...entryOf("reopen"), shown: unit, guide: known().guide });
  if (onScreen() !== unit) return;
  if (reply?.ok) {
    keeping.isDraftAgain(unit, reply.number);
    keeping.keep();
  } else {
    say(reply?.detail ?? "This needs the connection, and there is none.", { isBad: true });
    backToWork();
  }
};

// Guidelines

const showGuideButton = () => {
  const isOpen = !find("#guidelines")?.classList.contains("shut");
  find("#unit [data-guide]")?.setAttribute("aria-expanded", String(isOpen));
};

// Where there is no room beside the questions the guidelines stand on them, and take the focus.
const readGuide = () => {
  const guide = find("#guidelines");
  const covers = guide.getBoundingClientRect().right > (find("#main")?.getBoundingClientRect().left ?? 0);
  if (!guide.classList.contains("shut") && covers) guide.querySelector(".text").focus();
};

const toggleGuide = () => {
  const guide = find("#guidelines");
  const isShut = guide.classList.toggle("shut");
  if (isShut && guide.classList.contains("is-new")) return acknowledge(guide);
  showGuideButton();
  if (isShut) leaveGuide();
  else readGuide();
  return true;
};

// The text is where it was before.
const leaveGuide = () => {
  if (document.activeElement !== document.body && document.activeElement.checkVisibility()) return;
  const at = scrollY;
  questions.goTo(questions.inHand());
  scrollTo(0, at);
};

const acknowledge = async (guide) => {
  guide.classList.add("shut");
  showGuideButton();
  leaveGuide();
  const reply = await keeping.ask({ do: "acknowledge", guidelines: guide.dataset.number });
  if (reply?.guide) showGuide(reply.guide);
};

const showGuide = (html) => {
  find("#guide").replaceChildren(contentOf(html));
  const guide = find("#guidelines");
  if (guide.classList.contains("is-new")) announce([find("#guidelines-title").textContent]);
  showGuideButton();
  readGuide();
};

// Flags

const flagButton = () => find("#judgement [value=flag]");

const openFlag = () => {
  const button = flagButton();
  if (!button) return false;
  find("#flag-note").value = button.dataset.note;
  find("#unflag").hidden = button.getAttribute("aria-pressed") !== "true";
  find("#flag").showModal();
  return true;
};

const flag = async (act) => {
  const button = flagButton();
  const note = act === "flag" ? find("#flag-note").value : "";
  find("#flag").close();
  const reply = await keeping.ask({ do: act, unit: onScreen(), note });
  if (!reply?.ok) {
    return say(reply?.detail ?? "Not flagged: there is no connection. Try again.", { isBad: true });
  }
  button.setAttribute("aria-pressed", String(act === "flag"));
  button.dataset.note = note;
  say(act === "flag" ? "Flagged for the lead." : "The flag is taken back.");
};

// Corrections start from what is to be corrected.

const correct = (side) => {
  const question = questions.write(true);
  const box = question?.querySelector("textarea");
  if (!box) return false;
  const sources = findAll("#unit template[data-source]");
  if (box.value === "" && sources.length) {
    box.value = sources[Math.min(side ?? preferred(), sources.length - 1)].content.textContent;
    box.setSelectionRange(0, 0);
    box.scrollTop = 0;
    questions.settle(question, box);
    keepIt();
  }
  return true;
};

const preferred = () => (find("#judgement .overall [data-key=B]:checked") ? 1 : 0);

const isTyping = (target) =>
  target.isContentEditable || target.matches("textarea, select, input:not([type=radio], [type=checkbox])");
const isNative = (target) => target.closest("button, a, summary") !== null;
const scrollsGuide = (target, key) =>
  target.closest("#guidelines .text") !== null && /^(arrow|page)(up|down)$/.test(key);

const ARROWS = { arrowleft: "A", arrowright: "B" };

const answer = (question, input) => {
  if (questions.choose(input)) afterAnswer(question);
  return true;
};

const afterAnswer = (question) => {
  const isMore = questions.onward(question);
  if (!isMore && "submitsByItself" in desk.dataset && !isOwn() && questions.isComplete({ quietly: true })) {
    submit({ byItself: true });
  }
};

const cannotJudge = () => {
  const question = questions.inHand();
  if (question && questions.cannotJudge(question)) afterAnswer(question);
  return question !== null;
};

// Several of several, numbers and words are ended by Enter; what ends the last of them submits.
const enter = () => {
  const question = questions.inHand();
  const isEnded = ["ticks", "number", "words"].includes(question?.dataset.control);
  if (isEnded && questions.isAnswered(question) && !questions.isComplete({ quietly: true })) {
    return !questions.isRight(question) || questions.onward(question) || submit();
  }
  return submit();
};

const whileTyping = (event, key) => {
  const question = questions.questionOf(event.target);
  if (key === "escape") {
    if (question) questions.leave(question);
    else event.target.blur();
    if (question && !questions.isWords(question)) event.target.blur();
    return true;
  }
  if (!question) return false;
  if (key === "enter" && event.ctrlKey) return enter();
  if (questions.isWords(question) || event.ctrlKey) return false;
  if (key === "arrowup") return questions.step(-1), true;
  if (key === "arrowdown") return questions.step(1), true;
  if (key === "n") return cannotJudge(); // no number has an n
  return key === "enter" && enter();
};

const COMMANDS = {
  arrowup: () => questions.step(-1),
  arrowdown: () => questions.step(1),
  n: cannotJudge,
  c: () => questions.write(false),
  e: () => correct(),
  s: () => find("#judgement [value=skip]") && !isWaiting && find("#skip").showModal(),
  f: openFlag,
  u: undo,
  g: toggleGuide,
  r: () => toggleView("raw"),
  d: () => toggleView("diff"),
  y: () => toggleView("together"),
  p: togglePassages,
  "[": () => lookAtOwn("older"),
  "]": () => lookAtOwn("newer"),
  "?": () => find("#keys").showModal(),
};

const onKey = (event, key) => {
  if (isTyping(event.target)) return whileTyping(event, key);
  if (event.ctrlKey && !isBracket(event)) return key === "z" ? undo() : key === "enter" && enter();
  if (key === "enter") return !isNative(event.target) && enter();
  if (scrollsGuide(event.target, key)) return false;
  if (key === "pageup" || key === "pagedown") return scrollBy(key === "pageup" ? -1 : 1, event.shiftKey);
  const question = isWaiting ? null : questions.inHand();
  const input = question && questions.optionOf(question, ARROWS[key] ?? key.toUpperCase());
  if (input) return answer(question, input);
  if (/^\d$/.test(key) || !Object.hasOwn(COMMANDS, key)) return false;
  COMMANDS[key]();
  return true;
};

// In dialogs digits press the button that bears them, unless one types.
const onKeyInDialog = (event, dialog) => {
  if (event.target.id === "skip-note" && event.key === "Enter") {
    event.preventDefault();
    return skip("other");
  }
  if (isTyping(event.target) || event.ctrlKey) return;
  const key = keyOf(event);
  const button = [...dialog.querySelectorAll("button")].find(
    (each) => each.querySelector("kbd")?.textContent.toLowerCase() === key,
  );
  const isEnter = key === "enter" && !isNative(event.target);
  if (!button || (key === "enter" && !isEnter) || key === "escape") return;
  event.preventDefault();
  button.click();
};

// A key that is held writes only into what it was pressed in, not into words that it opened.
let pressedIn = null;

document.addEventListener("keydown", (event) => {
  if (!event.repeat) pressedIn = event.target;
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  if (event.metaKey || isOtherCharacter(event)) return;
  const dialog = find("dialog[open]");
  if (event.repeat && !/^(Arrow|Page)/.test(event.key)) {
    if (!isTyping(event.target) || event.target !== pressedIn) event.preventDefault();
    return;
  }
  if (dialog) return onKeyInDialog(event, dialog);
  if (event.ctrlKey && event.shiftKey) return;
  if (onKey(event, keyOf(event))) event.preventDefault();
});

// What people do with the mouse or a finger, and what follows from any change

const keepIt = () => (isOwn() ? reopen() : keeping.keep());

document.addEventListener("focusin", (event) => {
  const question = questions.questionOf(event.target);
  if (question && question !== questions.inHand()) questions.hold(question);
  zones()?.classList.toggle("correcting", event.target.matches("[data-corrects] textarea"));
});

document.addEventListener("input", (event) => {
  const question = questions.questionOf(event.target);
  if (!question) return;
  questions.settle(question, event.target);
  keepIt();
});

document.addEventListener("change", (event) => {
  const question = questions.questionOf(event.target);
  // The script chooses by this event alone; a hand raises "input" before it.
  if (!question || event.isTrusted) return;
  questions.settle(question, event.target);
  keepIt();
});

const CLICKS = {
  "[data-guide]": toggleGuide,
  "[data-undoes]": undo,
  "[data-reason]": (button) => skip(button.dataset.reason),
  "[data-takes]": (button) => button.closest("dialog").close(button.dataset.takes),
  "[data-submits]": (button) => (button.closest("dialog").close(), submit({ isSure: true })),
  "[data-view]": (button) => toggleView(button.dataset.view),
  "[data-starts]": (button) => correct(Number(button.dataset.starts)),
  "#unflag": () => flag("unflag"),
  "#judgement [value=submit], #judgement [value=pass]": () => submit(),
  "#judgement [value=skip]": () => COMMANDS.s(),
  "#judgement [value=flag]": openFlag,
  "#judgement [value=undo], #nothing [value=undo]": undo,
  "[value=acknowledge]": () => acknowledge(find("#guidelines")),
};

document.addEventListener("click", (event) => {
  const [selector, act] =
    Object.entries(CLICKS).find(([each]) => event.target.closest(each)) ?? [];
  if (act) {
    event.preventDefault();
    return act(event.target.closest(selector));
  }
  const cite = event.target.closest("a[href^='#']");
  if (cite) followCitation(cite);
  const question = questions.questionOf(event.target);
  if (!question) return;
  const isByPointer = event.detail > 0;
  if (isByPointer && event.target.matches(".scale [type=radio]")) afterAnswer(question);
  else if (isByPointer && !event.target.matches("input, textarea")) questions.hold(question);
});

const followCitation = (cite) => {
  const passage = document.getElementById(cite.hash.slice(1));
  if (!passage) return;
  const menu = passage.closest(".passages-of");
  if (menu) menu.open = true;
  passage.open = true;
};

document.addEventListener("submit", (event) => {
  if (event.target.matches("#judgement")) {
    event.preventDefault();
  } else if (event.target.matches("#flagging")) {
    event.preventDefault();
    flag("flag");
  }
});

document.addEventListener("scroll", scrollTogether, { capture: true, passive: true });

// A sign of life keeps what this person holds, and hears what other tabs have done, or that time
// ran out while the computer slept.
const stay = async () => {
  look();
  if (document.hidden || !onScreen() || isWaiting || keeping.nOnTheirWay()) return;
  const unit = onScreen();
  keeping.saveDraft();
  const reply = await keeping.ask({ do: "stay", unit });
  const isOvertaken = reply?.ok && reply.now !== unit && onScreen() === unit && !isOwn();
  if (!isOvertaken || keeping.isUnsaved()) return;
  keeping.forget(unit);
  await fetchUnit({ do: "look" });
  for (const [words, isBad] of reply.said) say(words, { isBad });
};

setInterval(() => keeping.silence() >= STAY_MS && stay(), STAY_MS / 10);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) keeping.saveDraft();
  stay();
});
addEventListener("beforeunload", (event) => keeping.isAtRisk() && event.preventDefault());

if (view.together === undefined) view.together = true;
begin();
keeping.sendTheRest(known, take);
