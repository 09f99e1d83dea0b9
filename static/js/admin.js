"use strict";
/* Keyboard and small conveniences of the staff side. Every page works without this file. */
{
  const typing = (t) => t.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
  const rows = () => Array.from(document.querySelectorAll("#result_list tbody tr, table[data-rows] tbody tr"));
  let at = -1;
  const moveTo = (n) => {
    const all = rows();
    if (!all.length) { return; }
    at = Math.max(0, Math.min(all.length - 1, n));
    all.forEach((row, i) => row.classList.toggle("cursor", i === at));
    all[at].querySelector(".row-link")?.focus({ preventScroll: false });
  };

  /* --- theme: one cookie for both sites, kept by js/theme.js --- */
  document.querySelectorAll("[data-theme-toggle]").forEach((button) => {
    const order = ["auto", "light", "dark"];
    const show = (choice) => {
      button.dataset.choice = choice;
      button.querySelector("[data-theme-label]").textContent = `Colour theme: ${choice}`;
    };
    show(window.portalTheme.apply());
    button.addEventListener("click", () => {
      show(window.portalTheme.choose(order[(order.indexOf(button.dataset.choice) + 1) % order.length]));
    });
  });

  /* --- tabs --- */
  document.querySelectorAll("[data-tabs]").forEach((box) => {
    const tabs = Array.from(box.querySelectorAll("[role=tab]"));
    const show = (tab) => tabs.forEach((t) => {
      const on = t === tab;
      t.setAttribute("aria-selected", String(on));
      t.tabIndex = on ? 0 : -1;
      document.getElementById(t.getAttribute("aria-controls")).hidden = !on;
    });
    box.querySelector("[role=tablist]").hidden = false;
    show(tabs.find((t) => t.getAttribute("aria-selected") === "true") ?? tabs[0]);
    tabs.forEach((t, i) => {
      t.addEventListener("click", () => show(t));
      t.addEventListener("keydown", (e) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
        if (step) { const next = tabs[(i + step + tabs.length) % tabs.length]; show(next); next.focus(); e.preventDefault(); }
      });
    });
  });

  /* --- dialogs: a link that opens its page's form in place --- */
  document.querySelectorAll("[data-dialog]").forEach((link) => {
    const dialog = document.getElementById(link.dataset.dialog);
    if (!dialog) { return; }
    link.addEventListener("click", (e) => { e.preventDefault(); dialog.showModal(); });
    dialog.querySelectorAll("[data-close]").forEach((b) => b.addEventListener("click", (e) => { e.preventDefault(); dialog.close(); }));
  });

  /* --- the rubric: live total and autosave --- */
  const rubric = document.querySelector("[data-rubric]");
  const total = (form) => {
    let sum = 0, weight = 0, done = 0;
    form.querySelectorAll("[data-kept]").forEach((c) => {
      if (c.dataset.kept) { const w = Number(c.dataset.weightKept); sum += w * Number(c.dataset.kept); weight += w; }
    });
    const all = form.querySelectorAll(".criterion[data-weight]");
    all.forEach((c) => {
      const on = c.querySelector("input:checked");
      c.querySelectorAll(".anchors li").forEach((li) => li.classList.toggle("on", on !== null && li.dataset.value === on.value));
      if (on) { done += 1; }
      if (on && on.value !== "na") { const w = Number(c.dataset.weight); sum += w * Number(on.value); weight += w; }
    });
    form.querySelector("[data-total] b").textContent = weight ? (Math.round((sum / weight) * 100 + 1e-9) / 100).toFixed(2) : "–";
    form.querySelector("[data-total] small").textContent = `${done} of ${all.length} scored`;
  };
  if (rubric) {
    const saved = rubric.querySelector("[data-saved]"), saw = rubric.querySelector("[data-saw]");
    let timer = 0, dirty = false, sending = false, running = null, lost = false;
    const say = (text, tone) => { saved.querySelector("span").textContent = text; saved.dataset.tone = tone; };
    /* A sign-in in another tab ends the token of this page; the same page, asked for anew, has one that works. */
    const signedOut = "Not saved: you are signed out. Sign in in another tab, then go on here; nothing typed is lost.";
    const renew = async () => {
      const page = await (await fetch(window.location.href, { credentials: "same-origin" })).text();
      const found = new DOMParser().parseFromString(page, "text/html").querySelector("form[data-autosave] [name=csrfmiddlewaretoken]");
      if (!found) { throw new Error("no session"); }
      rubric.elements.csrfmiddlewaretoken.value = found.value;
      lost = false;
    };
    const send = async (keepalive) => {
      say("Saving…", "");
      const entered = new FormData(rubric);
      if (keepalive) { entered.delete("saw"); }  /* the page is going: keep the words rather than ask */
      try {
        const answer = await fetch(rubric.dataset.autosave, {
          method: "POST", body: new URLSearchParams(entered), keepalive, credentials: "same-origin",
          headers: { Accept: "application/json" },
        });
        if (answer.redirected || answer.status === 403) {
          dirty = lost = true;
          say(signedOut, "bad");
          timer = window.setTimeout(() => renew().then(() => save(false), () => { timer = window.setTimeout(() => save(false), 15000); }), 5000);
          return;
        }
        const told = await answer.json();
        if (told.saw) { saw.value = told.saw; }
        say(told.text, answer.ok ? "good" : "bad");
      } catch {
        dirty = true;
        say("Not saved: no connection. It is tried again.", "bad");
        timer = window.setTimeout(() => save(false), 5000);
      }
    };
    /* One save at a time: each says when the last one was, so that two windows notice each other. */
    const save = async (keepalive) => {
      window.clearTimeout(timer);
      if (running && !keepalive) { await running; }
      if (!dirty || sending) { return; }
      dirty = false;
      running = send(keepalive);
      await running;
      running = null;
    };
    const changed = () => { dirty = true; window.clearTimeout(timer); timer = window.setTimeout(() => save(false), 1500); };
    total(rubric);
    rubric.addEventListener("change", () => { total(rubric); changed(); });
    rubric.addEventListener("input", changed);
    rubric.addEventListener("focusout", (e) => { if (e.target.matches("textarea")) { save(false); } });
    rubric.addEventListener("submit", (e) => {
      if (lost) {
        e.preventDefault();
        renew().then(() => rubric.requestSubmit(e.submitter || undefined), () => say(signedOut, "bad"));
        return;
      }
      sending = true;
      if (running) { e.preventDefault(); running.then(() => { running = null; rubric.requestSubmit(); }); }
    });
    window.addEventListener("pagehide", () => save(true));
  }

  /* --- tables with their own tick boxes (the boards) --- */
  document.querySelectorAll("[data-tick-all]").forEach((all) => {
    const boxes = Array.from(document.querySelectorAll(`input[name="${CSS.escape(all.dataset.tickAll)}"]`));
    const count = document.querySelector("[data-ticked]");
    const show = () => {
      const ticked = boxes.filter((b) => b.checked).length;
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
      if (count) { count.textContent = `${ticked} ticked`; }
    };
    all.hidden = false;
    all.addEventListener("change", () => { boxes.forEach((b) => { b.checked = all.checked; }); show(); });
    boxes.forEach((b) => b.addEventListener("change", show));
    show();
  });
  document.querySelectorAll("select[data-go]").forEach((select) => {
    select.addEventListener("change", () => { if (select.value) { window.location.assign(select.value); } });
  });

  if (window.matchMedia("(max-width: 1024px)").matches) {
    document.querySelectorAll("#changelist-filter details").forEach((d) => { d.open = false; d.name = "filters"; });
  }

  const help = document.getElementById("keys-help");
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.body.classList.contains("no-keys")) { return; }
    if (document.querySelector("dialog[open]")) {
      if (e.key === "?" && help?.open) { help.close(); }
      return;
    }
    if (e.key === "/") { document.getElementById("find")?.focus(); e.preventDefault(); return; }
    if (e.key === "?" && help) { help.showModal(); return; }
    if (rows().length) {
      if (e.key === "j") { moveTo(at + 1); }
      if (e.key === "k") { moveTo(at - 1); }
      if (e.key === "x" && at >= 0) { rows()[at].querySelector(".action-select, input[type=checkbox]")?.click(); }
    }
    const pressed = document.querySelector(`[data-key="${CSS.escape(e.key)}"]`);
    if (pressed) { pressed.click(); return; }
    if (rubric) {
      const all = Array.from(rubric.querySelectorAll(".criterion[data-weight]"));
      const focused = e.target.closest(".criterion[data-weight]");
      const stand = (c) => (c?.querySelector("input:checked") ?? c?.querySelector("input"))?.focus();
      if (e.key === "j") { stand(focused ? all[all.indexOf(focused) + 1] : all[0]); }
      if (e.key === "k") { stand(focused ? all[all.indexOf(focused) - 1] : all[0]); }
      if (/^[0-9]$/.test(e.key)) {
        const here = focused ?? all.find((c) => !c.querySelector("input:checked")) ?? all[0];
        const pick = here?.querySelector(`input[value="${e.key === "0" ? "na" : e.key}"]`);
        if (pick) {
          pick.checked = true;
          pick.dispatchEvent(new Event("change", { bubbles: true }));
          stand(all[all.indexOf(here) + 1] ?? here);
        }
      }
      if (e.key === "n") { rubric.requestSubmit(); }
    }
  });
}
