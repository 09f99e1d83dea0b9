"use strict";
/* The program editor: rows to add and move, lists of ticks to search, fields of a chosen kind, a word before typed text is
   lost. The page does everything without this file, with a save in between. */
{
  const form = document.querySelector("#content-main form");
  const number = (name, at) => name.replace(/-\d+(-[a-z_]+)$/, `-${at}$1`);

  /* --- rows --- */
  const places = (list) => Array.from(list.children).forEach((row, i) => {
    const place = row.querySelector("input[name$='-place']");
    if (place) { place.value = i + 1; }
  });
  const say = (box, text) => { box.querySelector("[data-row-said]").textContent = text; };
  const dress = (box) => {
    if (box.dataset.dressed) { return; }
    box.dataset.dressed = "1";
    box.querySelectorAll(".row-moves, [data-row-add]").forEach((part) => { part.hidden = false; });
    box.querySelectorAll(".place").forEach((part) => { part.classList.add("visually-hidden"); part.querySelector("input").tabIndex = -1; });
  };
  const addRow = (box) => {
    const list = box.querySelector("ol");
    const row = list.lastElementChild.cloneNode(true);
    const at = Math.max(...Array.from(list.querySelectorAll("input[name$='-place']")).map((input) => Number(input.name.match(/-(\d+)-place$/)[1]))) + 1;
    row.querySelectorAll("input, textarea").forEach((input) => {
      input.name = number(input.name, at);
      if (input.id) { input.id = number(input.id, at); }
      if (input.type === "checkbox") { input.checked = false; } else { input.value = ""; }
    });
    row.querySelectorAll("label[for]").forEach((label) => { label.htmlFor = number(label.htmlFor, at); });
    list.append(row);
    places(list);
    row.querySelector("input:not([type=number]), textarea")?.focus();
    say(box, "A new line stands at the end.");
  };
  document.addEventListener("click", (e) => {
    const add = e.target.closest("[data-row-add]");
    const move = e.target.closest("[data-row-move]");
    if (add) { addRow(add.closest("[data-rows-edit]")); }
    if (move) {
      const row = move.closest("li"), list = row.parentElement, step = Number(move.dataset.rowMove);
      const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
      if (other) {
        step < 0 ? other.before(row) : other.after(row);
        places(list);
        move.focus();
        say(move.closest("[data-rows-edit]"), `Moved to place ${Array.from(list.children).indexOf(row) + 1} of ${list.children.length}.`);
        form?.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
  });

  /* --- long lists of ticks --- */
  const searchable = (list) => {
    const ticks = Array.from(list.querySelectorAll("label"));
    if (list.dataset.dressed || ticks.length < 12) { return; }
    list.dataset.dressed = "1";
    const head = document.createElement("div"), search = document.createElement("input"), count = document.createElement("span");
    head.className = "checklist-head";
    search.type = "search";
    search.placeholder = "Search";
    search.setAttribute("aria-label", `Search in ${list.getAttribute("aria-label") || "the list"}`);
    count.className = "muted small-text";
    count.setAttribute("role", "status");
    const tell = () => { count.textContent = `${list.querySelectorAll("input:checked").length} of ${ticks.length} ticked`; };
    search.addEventListener("input", (e) => {
      e.stopPropagation();
      const wanted = search.value.trim().toLowerCase();
      ticks.forEach((tick) => { tick.hidden = wanted !== "" && !tick.textContent.toLowerCase().includes(wanted); });
    });
    search.addEventListener("keydown", (e) => { if (e.key === "Enter") { e.preventDefault(); } });
    list.addEventListener("change", tell);
    head.append(search, count);
    list.before(head);
    tell();
  };

  /* --- what belongs to the kind of a new rule --- */
  const ofKind = (entry) => {
    const kind = entry.querySelector("select[name$='-kind']");
    const parts = entry.querySelectorAll("[data-for-kind]");
    if (!kind || !parts.length || entry.dataset.dressed) { return; }
    entry.dataset.dressed = "1";
    const show = () => parts.forEach((part) => {
      part.hidden = !part.dataset.forKind.split(" ").includes(kind.value);
      part.querySelector(".only-for")?.remove();
      const line = part.closest(".part-line");
      line.hidden = Array.from(line.children).every((other) => other.hidden);
    });
    kind.addEventListener("change", show);
    show();
  };

  const dressAll = (root) => {
    root.querySelectorAll("[data-rows-edit]").forEach((box) => { if (!box.closest(".empty-form")) { dress(box); } });
    root.querySelectorAll("[data-checklist]").forEach((list) => { if (!list.closest(".empty-form")) { searchable(list); } });
    root.querySelectorAll(".inline-related:not(.empty-form)").forEach(ofKind);
  };
  dressAll(document);
  document.addEventListener("formset:added", (e) => {
    dressAll(e.target.parentElement ?? document);
    e.target.querySelector("summary")?.remove();
    e.target.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  });

  /* --- the map: what it leads to is opened; on narrow pages it starts closed --- */
  const reveal = () => {
    const target = window.location.hash.length > 1 && document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
    if (!target) { return; }
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) { box.open = true; }
    target.scrollIntoView({ block: "start" });
    if (target.matches("input, select, textarea")) { target.focus({ preventScroll: true }); }
  };
  window.addEventListener("hashchange", reveal);
  reveal();
  if (window.matchMedia("(max-width: 1100px)").matches) {
    document.querySelectorAll("[data-page-map]").forEach((map) => { map.open = false; });
  }

  /* --- a word before what was typed is lost --- */
  if (form) {
    let typed = Boolean(document.querySelector(".errornote")), sending = false;
    const note = document.createElement("span");
    note.className = "muted small-text unsaved";
    note.setAttribute("role", "status");
    document.querySelector(".submit-row")?.append(note);
    const mark = () => { typed = true; note.textContent = "Not saved yet"; };
    form.addEventListener("input", mark);
    form.addEventListener("change", mark);
    form.addEventListener("submit", () => { sending = true; });
    window.addEventListener("beforeunload", (e) => { if (typed && !sending) { e.preventDefault(); } });
  }
}
