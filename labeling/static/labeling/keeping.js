// What is chosen is kept: in this browser at once, on the server half a second after the first
// change and then once a minute, and submits until they have arrived. A lost connection or an ended
// login delays them and loses nothing.
import { fields, fill, form, inWords } from "./questions.js";

const DRAFT_MS = 400; // after a change, and two seconds after the first one at the latest
const DRAFT_AT_MOST_MS = 2_000;
const DRAFTS_APART_MS = 60_000; // of one unit: the browser has the changes between them
const DRAFTS_LAST_MS = 7 * 24 * 3_600_000; // in the browser
const MOST_AT_THE_END = 60_000; // characters that a browser sends for a page that is gone
const PATIENCE_MS = 20_000; // for one answer of the server
const RETRY_MS = [1_000, 2_000, 5_000, 10_000];
const CSRF_COOKIE = "evalhub_csrf";

const find = (selector) => document.querySelector(selector);
const { at, login, logout, person } = find("#desk").dataset;

// In the browser. Where storage is off or full, what is chosen lasts as long as the page.

const withStorage = (act) => {
  try {
    return act();
  } catch {
    return null;
  }
};

const OURS = "evalhub-desk";
const draftKey = (unit) => `${OURS} ${person} ${unit}`;
const outboxKey = (unit) => `${OURS}-outbox ${person} ${at} ${unit}`;

/** Keep a draft that outlives the tab; say whether there was room for it. */
const keepDraft = (unit, draft) =>
  withStorage(() => {
    localStorage.setItem(draftKey(unit), JSON.stringify({ ...draft, kept: Date.now() }));
    return true;
  }) ?? false;
const keptDraft = (unit) => withStorage(() => JSON.parse(localStorage.getItem(draftKey(unit))));

const forgetOldDrafts = () =>
  withStorage(() => {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(`${OURS} `)) continue;
      const { kept } = JSON.parse(localStorage.getItem(key));
      if (!(Date.now() - kept < DRAFTS_LAST_MS)) localStorage.removeItem(key);
    }
  });

// The outbox outlives the tab: what was submitted while there was no connection, a key each, so
// that two tabs do not write over each other.
const kept = () =>
  withStorage(() =>
    Object.keys(localStorage)
      .filter((key) => key.startsWith(outboxKey("")))
      .map((key) => JSON.parse(localStorage.getItem(key)))
      .sort((one, other) => one.sent - other.sent),
  ) || [];
const outbox = new Set(kept());

export const putIn = (entry) => {
  entry.sent = Date.now();
  outbox.add(entry);
  withStorage(() => localStorage.setItem(outboxKey(entry.unit), JSON.stringify(entry)));
};
const takeOut = (entry) => {
  outbox.delete(entry);
  withStorage(() => localStorage.removeItem(outboxKey(entry.unit)));
};
export const isOnItsWay = (unit) => [...outbox].some((entry) => entry.unit === unit);
export const nOnTheirWay = () => outbox.size;

// The word on what is saved

const WORDS = {
  saving: "saving",
  kept: "not saved: no connection, kept here",
  out: "not saved: your login has ended, kept here",
  refused: "not saved: it was not taken",
};

const showSaved = (state, moment) => {
  const box = find("#saved");
  box.dataset.state = state;
  const icon = ["saved", "here"].includes(state) ? "#i-check" : state === "saving" ? "#i-clock" : "#i-away";
  const words = document.createElement("span");
  words.textContent = WORDS[state] ?? `saved ${state === "here" ? "here " : ""}at ${clock(moment)}`;
  box.innerHTML = `<svg class="i" aria-hidden="true"><use href="${icon}"/></svg>`;
  box.append(words);
  if (["kept", "out"].includes(state) && outbox.size) {
    words.textContent += outbox.size === 1 ? ", with one answer" : `, with ${outbox.size} answers`;
  }
};

export const clock = (moment) =>
  (moment ? new Date(moment) : new Date()).toLocaleTimeString([], { hour12: false });

// One request

const csrf = () => {
  const found = document.cookie.split("; ").find((each) => each.startsWith(`${CSRF_COOKIE}=`));
  return found ? found.slice(CSRF_COOKIE.length + 1) : "";
};

const bodyOf = (entry) => {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...entry, person })) {
    for (const each of [value].flat()) body.append(name, each);
  }
  return body;
};

const JSON_ONLY = { Accept: "application/json" };

const post = (address, body, headers = {}) =>
  fetch(address, {
    keepalive: document.hidden && String(body).length < MOST_AT_THE_END,
    method: "POST",
    body,
    headers: { ...headers, "X-CSRFToken": csrf() },
    redirect: "manual",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
const visit = (address) => fetch(address, { redirect: "manual" });
const isSentAway = (reply) => reply.type === "opaqueredirect";

/** Ask once: `{ok, status, ...what was answered}`, or `{is: "away" | "out" | "other"}`. */
const askOnce = async (entry, { isAgain = false } = {}) => {
  try {
    const reply = await post(at, bodyOf(entry), JSON_ONLY);
    if (isSentAway(reply)) return { is: "out" };
    const isJson = (reply.headers.get("Content-Type") || "").includes("json");
    if (reply.status === 403 && !isJson) return renewed(entry, isAgain);
    if (!isJson || reply.status >= 500 || reply.status === 429) return { is: "away" };
    const said = await reply.json();
    return said.code === "person" ? { is: "other" } : { ok: reply.ok, status: reply.status, ...said };
  } catch {
    return { is: "away" };
  }
};

// The token against forgery is gone or of another login: the page brings a new one.
const renewed = async (entry, isAgain) =>
  isAgain || isSentAway(await visit(at)) ? { is: "out" } : askOnce(entry, { isAgain: true });

/** Read something without changing anything; null when it cannot be had. */
export const look = async (query) => {
  try {
    const reply = await fetch(`${at}?${new URLSearchParams(query)}`, {
      headers: JSON_ONLY,
      redirect: "manual",
    });
    return reply.ok ? await reply.json() : null;
  } catch {
    return null;
  }
};

// One after the other: what was done first arrives first.
let last = Promise.resolve();
const inTurn = (task) => (last = last.then(task, task));

const nextTry = (tries) =>
  new Promise((resolve) => {
    const wait = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)];
    const timer = setTimeout(resolve, wait);
    addEventListener("online", () => (clearTimeout(timer), resolve()), { once: true });
  });

const askUntilAnswered = async (entry, more) => {
  for (let tries = 0; ; tries += 1) {
    const reply = await askOnce({ ...entry, ...more() });
    if (!reply.is) return reply;
    if (reply.is === "away") {
      showSaved("kept");
      await nextTry(tries);
    } else {
      showSaved("out");
      await loggedIn(reply.is);
    }
  }
};

let heard = performance.now();
/** For how many milliseconds the server has not heard that somebody is here. */
export const silence = () => performance.now() - heard;

/** Ask for something that makes no sense later: undefined when there is no connection. */
export const ask = (entry) =>
  inTurn(async () => {
    heard = performance.now();
    let reply = await askOnce(entry);
    if (reply.is === "out" || reply.is === "other") {
      await loggedIn(reply.is);
      reply = await askOnce(entry);
    }
    return reply.is ? undefined : reply;
  });

/** Send a submit or a skip that was put in, at once or as soon as it can be. */
export const deliver = (entry, more, onReply) =>
  inTurn(async () => {
    showSaved("saving");
    const reply = await askUntilAnswered(entry, more);
    heard = performance.now();
    takeOut(entry);
    showSaved(reply.ok ? "saved" : "refused", reply.saved_at);
    onReply(reply, entry);
  });

/** Send what an earlier page could not. */
export const sendTheRest = (more, onReply) => {
  for (const entry of outbox) deliver(entry, more, onReply);
};

// Drafts

let pending = null; // what is to be saved: {unit, set, fields}
let isKept = false; // whether this browser has it
let timer = null;
let since = 0;
const sent = new Map(); // when a draft of each unit went to the server last
const numbers = new Map(); // of the draft of each unit, as the server counts
const saved = new Map(); // what the server has of each unit

const textOf = (said) => JSON.stringify(Object.entries(said).sort());
const isOnScreen = (unit) => form()?.elements.unit?.value === unit;

/** Keep what the form holds: in this browser now, on the server in a moment or in its turn. */
export const keep = () => {
  const { unit, set } = form().elements;
  pending = { unit: unit.value, set: set.value, fields: fields() };
  isKept = keepDraft(unit.value, { fields: pending.fields, number: numbers.get(unit.value) });
  if (isKept) showSaved("here");
  const now = performance.now();
  if (timer === null) since = now;
  clearTimeout(timer);
  const soon = Math.max(0, Math.min(DRAFT_MS, DRAFT_AT_MOST_MS - (now - since)));
  const turn = (sent.get(unit.value) ?? -Infinity) + DRAFTS_APART_MS - now;
  timer = setTimeout(saveDraft, isKept ? Math.max(soon, turn) : soon);
};

/** Save now what was to be saved later. */
export const saveDraft = () => {
  clearTimeout(timer);
  timer = null;
  if (pending === null) return;
  const draft = pending;
  pending = null;
  inTurn(() => saveNow(draft));
};

/** Take the unit that was painted: its draft of the server, or what this tab knows beyond it. */
export const restore = () => {
  forgetOldDrafts();
  const { unit, number } = form().elements;
  numbers.set(unit.value, Math.max(Number(number.value), numbers.get(unit.value) ?? 0));
  saved.set(unit.value, textOf(fields()));
  const kept = keptDraft(unit.value);
  if (!kept) return;
  fill(kept.fields);
  numbers.set(unit.value, kept.number);
  keep();
};

/** Forget what was begun of a unit: it is submitted, or the server knows better. */
export const forget = (unit) => {
  if (pending?.unit === unit) pending = null;
  withStorage(() => localStorage.removeItem(draftKey(unit)));
};

export const isUnsaved = () => outbox.size > 0 || pending !== null;
export const isAtRisk = () => outbox.size > 0 || (pending !== null && !isKept);

/** Continue the count of a draft that the server has made anew. */
export const isDraftAgain = (unit, number) => numbers.set(unit, number);

const saveNow = async (draft) => {
  const { unit } = draft;
  const text = textOf(draft.fields);
  if (isOnItsWay(unit)) return;
  if (text === saved.get(unit)) {
    if (pending?.unit !== unit) forget(unit);
    return;
  }
  showSaved("saving");
  sent.set(unit, performance.now());
  const { set } = draft;
  const number = numbers.get(unit) ?? 0;
  const reply = await askOnce({ do: "draft", unit, set, number, ...draft.fields });
  if (reply.is) {
    showSaved(reply.is === "away" ? "kept" : "out");
    pending ??= draft;
    if (reply.is !== "away") await loggedIn(reply.is);
    timer ??= setTimeout(saveDraft, reply.is === "away" ? RETRY_MS[1] : 0);
  } else if (reply.ok || (reply.code === "draft" && text === textOf(reply.fields))) {
    numbers.set(unit, reply.number);
    saved.set(unit, text);
    if (pending?.unit === unit) keepDraft(unit, { fields: pending.fields, number: reply.number });
    else forget(unit);
    showSaved(pending?.unit === unit && isKept ? "here" : "saved", reply.saved_at);
  } else if (reply.code === "draft" && isOnScreen(unit)) {
    await chooseVersion(unit, reply);
  }
};

// Two tabs of one person have gone different ways: the person says which.
const chooseVersion = (unit, reply) =>
  new Promise((resolve) => {
    const dialog = find("#two-tabs");
    const theirs = inWords(reply.fields);
    find("#differing").replaceChildren(
      ...inWords(fields()).flatMap(([name, mine], at) => {
        const row = document.createElement("tr");
        for (const words of [name, mine, theirs[at][1]]) {
          row.append(Object.assign(document.createElement("td"), { textContent: words }));
        }
        return mine === theirs[at][1] ? [] : [row];
      }),
    );
    dialog.onclose = () => {
      numbers.set(unit, reply.number);
      saved.set(unit, textOf(reply.fields));
      if (dialog.returnValue === "theirs") {
        forget(unit);
        fill(reply.fields);
        showSaved("saved");
      } else {
        keep();
      }
      resolve();
    };
    dialog.returnValue = "";
    dialog.showModal();
  });

// Logging in without leaving

let entering = null;

const loggedIn = (why) => {
  entering ??= new Promise((resolve) => {
    const dialog = find("#login");
    const box = find("#logging-in");
    find("#login-other").hidden = why !== "other";
    box.onsubmit = async (event) => {
      event.preventDefault();
      const error = await enter(new FormData(box), why === "other");
      find("#login-error").hidden = !error;
      find("#login-error").textContent = error;
      if (error) return find("#login-password").select();
      entering = null;
      find("#login-password").value = "";
      for (const token of document.querySelectorAll("[name=csrfmiddlewaretoken]")) {
        token.value = csrf();
      }
      dialog.close();
      return resolve();
    };
    // Without a login nothing more is saved: there is nothing to close it for.
    dialog.onclose = () => entering && dialog.showModal();
    dialog.showModal();
    find("#login-password").focus();
  });
  return entering;
};

/** Log in; return what is wrong, or nothing. */
const enter = async (given, isOther) => {
  try {
    let reply = await visit(login); // It brings a token, or says that somebody is in.
    if (isSentAway(reply) && !isOther) return "";
    if (isSentAway(reply)) {
      await post(logout, "");
      await visit(login);
    }
    reply = await post(login, new URLSearchParams(given));
    if (isSentAway(reply)) return "";
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const words = page.querySelector("[role=alert] p, .err")?.textContent.trim();
    return words || `The server refused this (${reply.status}).`;
  } catch {
    return "There is no connection. Try again.";
  }
};
