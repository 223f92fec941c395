// Before anything is drawn: the theme that this person chose, if they did; else the system's.
try {
  const chosen = localStorage.getItem("triage-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* storage may be forbidden; the system's theme is shown then */ }
