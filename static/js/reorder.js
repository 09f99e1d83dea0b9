"use strict";
/* The order of sections and questions in the form builder: drag by the handle, or take it up with space and move it with the
   arrow keys. What is put down is sent to the page's own address; without this file the buttons beside the editor move. */
{
  const outline = document.querySelector("[data-reorder]");
  const said = outline?.querySelector("[data-reorder-said]");
  const sections = () => Array.from(outline.querySelectorAll(":scope > [data-section]"));
  const questions = () => Array.from(outline.querySelectorAll("[data-question]"));
  const itemOf = (grip) => grip.closest("[data-question]") ?? grip.closest("[data-section]");
  const isQuestion = (item) => "question" in item.dataset;
  const nameOf = (item) => item.querySelector("a").textContent.trim();
  const say = (text) => { said.textContent = text; };
  let lifted = null, home = null;

  const where = (item) => {
    const list = isQuestion(item) ? Array.from(item.parentElement.children) : sections();
    const inside = isQuestion(item) ? ` in ${item.closest("[data-section]").querySelector("h2 a").textContent.trim()}` : "";
    return `place ${list.indexOf(item) + 1} of ${list.length}${inside}`;
  };
  const lift = (item) => {
    lifted = item;
    home = { parent: item.parentElement, next: item.nextElementSibling };
    item.classList.add("is-lifted");
    say(`${nameOf(item)} is taken up, ${where(item)}.`);
  };
  const drop = () => {
    const item = lifted;
    lifted = null;
    item.classList.remove("is-lifted");
    if (item.parentElement === home.parent && item.nextElementSibling === home.next) { say(`${nameOf(item)} stays.`); return; }
    const form = document.createElement("form");
    const put = (name, value) => {
      const input = document.createElement("input");
      input.type = "hidden"; input.name = name; input.value = value;
      form.append(input);
    };
    form.method = "post";
    form.action = outline.dataset.reorder;
    put("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
    if (isQuestion(item)) {
      put("question", item.dataset.question);
      put("do", `place:${item.closest("[data-section]").dataset.section}:${Array.from(item.parentElement.children).indexOf(item)}`);
    } else {
      put("section", item.dataset.section);
      put("do", `place:${sections().indexOf(item)}`);
    }
    say(`${nameOf(item)} is put down, ${where(item)}.`);
    form.hidden = true;
    document.body.append(form);
    form.submit();
  };
  const cancel = () => {
    const item = lifted;
    lifted = null;
    home.parent.insertBefore(item, home.next);
    item.classList.remove("is-lifted");
    say(`${nameOf(item)} stays where it was.`);
  };
  const step = (item, by) => {
    const beside = by < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (isQuestion(item)) {
      if (beside) { by < 0 ? beside.before(item) : beside.after(item); } else {
        const all = sections(), other = all[all.indexOf(item.closest("[data-section]")) + by]?.querySelector("ul");
        if (other) { by < 0 ? other.append(item) : other.prepend(item); }
      }
    } else {
      const all = sections(), other = all[all.indexOf(item) + by];
      if (other) { by < 0 ? other.before(item) : other.after(item); }
    }
    say(`${nameOf(item)}, ${where(item)}.`);
  };

  const follow = (y) => {
    const item = lifted, all = isQuestion(item) ? questions() : sections();
    const inside = (part) => { const box = part.getBoundingClientRect(); return y >= box.top && y <= box.bottom; };
    const over = all.find((other) => other !== item && inside(other));
    if (over) {
      const box = over.getBoundingClientRect();
      y < box.top + box.height / 2 ? over.before(item) : over.after(item);
    } else if (isQuestion(item)) {
      sections().find((part) => inside(part) && !part.querySelector("[data-question]:not(.is-lifted)"))?.querySelector("ul").append(item);
    }
  };
  /* The page listens, not the handle: a handle that moves with its line in the document loses hold of the pointer. */
  const drag = (grip, pointer) => {
    const over = new AbortController();
    const listen = (kind, act) => document.addEventListener(kind, (e) => { if (e.pointerId === undefined || e.pointerId === pointer) { act(e); } }, { signal: over.signal });
    const end = (act) => { over.abort(); delete grip.dataset.dragging; if (lifted) { act(); } };
    grip.dataset.dragging = "1";
    lift(itemOf(grip));
    listen("pointermove", (e) => { if (lifted) { follow(e.clientY); } });
    listen("pointerup", () => end(drop));
    listen("pointercancel", () => end(cancel));
    listen("keydown", (e) => { if (e.key === "Escape") { end(cancel); } });
  };

  if (outline && document.querySelector("[name=csrfmiddlewaretoken]")) {
    outline.querySelectorAll("[data-grip]").forEach((grip) => {
      grip.hidden = false;
      grip.addEventListener("keydown", (e) => {
        const item = itemOf(grip);
        if (e.key === " " || e.key === "Enter") { e.preventDefault(); lifted === item ? drop() : lift(item); }
        if (lifted === item && e.key === "Escape") { cancel(); grip.focus(); }
        if (lifted === item && (e.key === "ArrowUp" || e.key === "ArrowDown")) { e.preventDefault(); step(item, e.key === "ArrowUp" ? -1 : 1); grip.focus(); }
      });
      grip.addEventListener("blur", () => { window.setTimeout(() => { if (lifted === itemOf(grip) && document.activeElement !== grip && !grip.dataset.dragging) { cancel(); } }, 0); });
      grip.addEventListener("pointerdown", (e) => {
        e.preventDefault();
        grip.focus();
        drag(grip, e.pointerId);
      });
    });
  }
}
