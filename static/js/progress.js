"use strict";
/* Keeps the progress of exports up to date. Without this file the link "Look again" does the same. */
{
  const table = document.querySelector("[data-progress]");
  const look = async () => {
    try {
      const answer = await fetch(table.dataset.progress, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (!answer.ok) { return; }
      const told = await answer.json();
      let ended = false, waiting = false;
      told.exports.forEach((one) => {
        const row = table.querySelector(`[data-export="${CSS.escape(one.id)}"]`);
        if (!row || (row.dataset.state !== "waiting" && row.dataset.state !== "running")) { return; }
        if (one.state !== "waiting" && one.state !== "running") { ended = true; return; }
        waiting = true;
        row.querySelector("[data-text]").textContent = one.text;
        let value = row.querySelector(".bar-value");
        if (!value && one.share) {
          value = row.querySelector(".bar-track").cloneNode();
          value.setAttribute("class", "bar-value");
          row.querySelector(".bar").append(value);
        }
        value?.setAttribute("width", `${one.share}%`);
      });
      if (ended) { window.location.reload(); return; }
      if (waiting) { window.setTimeout(look, 2000); }
    } catch { window.setTimeout(look, 5000); }
  };
  if (table) { window.setTimeout(look, 1500); }
}
