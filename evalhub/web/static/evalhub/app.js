// What every page shares: theme, menus, dialogs, copying, toasts. Listeners stand on the document,
// so that what htmx puts in later needs no wiring.
"use strict";
(() => {
  const root = document.documentElement;

  // Theme

  const chosenTheme = () => root.dataset.theme || "auto";

  const showTheme = () => {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosenTheme()));
    }
  };

  const chooseTheme = (theme) => {
    if (theme === "auto") {
      delete root.dataset.theme;
    } else {
      root.dataset.theme = theme;
    }
    try {
      localStorage.setItem("evalhub-theme", theme);
    } catch {
      // Storage is off: the choice lasts as long as the page.
    }
    showTheme();
  };

  // Menus

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  };

  const closeMenuWithKey = () => {
    const menu = document.querySelector("details.menu[open]");
    if (!menu) return;
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) menu.querySelector("summary").focus();
  };

  // Toasts

  // What went well leaves by itself; what went wrong stays until it is closed.
  const TOAST_MS = 8000;

  const ageToasts = () => {
    for (const box of document.querySelectorAll("#toasts .toast:not(.down, [data-ages])")) {
      box.dataset.ages = "";
      const leave = () => {
        if (box.matches(":hover, :focus-within")) {
          setTimeout(leave, TOAST_MS);
        } else {
          box.remove();
        }
      };
      setTimeout(leave, TOAST_MS);
    }
  };

  const toast = (text, kind) => {
    const toasts = document.getElementById("toasts");
    if (!toasts) return;
    for (const old of toasts.querySelectorAll("[data-script]")) old.remove();
    const box = document.createElement("div");
    box.className = kind ? `toast ${kind}` : "toast";
    box.dataset.script = "";
    const words = document.createElement("span");
    words.textContent = text;
    const close = document.createElement("button");
    close.className = "btn s";
    close.type = "button";
    close.dataset.dismiss = "";
    close.textContent = "Close";
    box.append(words, close);
    toasts.append(box);
    ageToasts();
  };

  // Copying

  const copyByCommand = (source) => {
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    let done = false;
    try {
      await navigator.clipboard.writeText(source.textContent);
      done = true;
    } catch {
      done = copyByCommand(source); // The clipboard needs HTTPS or localhost.
    }
    toast(done ? "Copied." : "Copying is not allowed here. The text is selected: press Ctrl+C.");
  };

  // One listener for clicks

  const onDismiss = (button) => {
    const box = button.closest(".toast");
    if (box) box.remove();
  };

  const actions = {
    themeChoice: (button) => chooseTheme(button.dataset.themeChoice),
    dismiss: onDismiss,
    copy: copy,
    opens: (button) => document.getElementById(button.dataset.opens)?.showModal(),
    closes: (button) => button.closest("dialog")?.close(),
  };

  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.menu"));
    const button = event.target.closest("button");
    if (!button) return;
    for (const [name, act] of Object.entries(actions)) {
      if (name in button.dataset) act(button);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenuWithKey();
  });

  document.addEventListener("htmx:afterSettle", ageToasts);

  // htmx: a refusal that is not swapped in must not pass in silence.

  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    const what = status < 500 ? "The server refused this" : "The server could not do this";
    toast(`${what} (${status}). Load the page again to see what holds.`, "down");
  });
  document.addEventListener("htmx:sendError", () => {
    toast("The server cannot be reached. Check the connection and retry.", "down");
  });

  // A reference that is filtered by typing: what lacks one of the words is hidden, also in its list.

  const filter = (box) => {
    const whole = box.closest("[data-filtered]");
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const item of whole.querySelectorAll("[data-filter-item]")) {
      const [head, summary] = item.children;
      const text = `${head.textContent} ${summary.textContent}`.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
      found += item.hidden ? 0 : 1;
      whole.querySelector(`li a[href="#${item.id}"]`).parentElement.hidden = item.hidden;
    }
    for (const group of whole.querySelectorAll("[data-filter-group]")) {
      group.hidden = !group.querySelector(":is(li, [data-filter-item]):not([hidden])");
    }
    whole.querySelector("[role=status]").textContent = words.length ? `${found} found.` : "";
  };

  document.addEventListener("input", (event) => {
    if ("filter" in event.target.dataset) filter(event.target);
  });

  document.addEventListener("keydown", (event) => {
    const box = event.target;
    if (!("filter" in box.dataset)) return;
    if (event.key === "Enter") {
      box.closest("[data-filtered]").querySelector("li:not([hidden]) a")?.click();
    } else if (event.key === "Escape") {
      box.value = "";
      filter(box);
    }
  });

  // Start

  const start = () => {
    showTheme();
    ageToasts();
    for (const item of document.querySelectorAll("[data-needs-script]")) item.hidden = false;
    const here = document.querySelector(".nav [aria-current]");
    if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 2;
  };
  start();
})();
