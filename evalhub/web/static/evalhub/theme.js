// Applies the reader's theme before the first paint. Loaded in the head, without defer.
"use strict";
(() => {
  let theme = "auto";
  try {
    theme = localStorage.getItem("evalhub-theme") || "auto";
  } catch {
    // Storage is off: the system decides.
  }
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
})();
