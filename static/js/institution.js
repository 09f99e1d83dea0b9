/* The name of an institution: a combobox with a list below it (WAI-ARIA: editable combobox with list autocomplete).
   Any text may stay in the line. Without this script it is a plain line. */
(function () {
  "use strict";

  /* Words of the page in the reader's language (components/_form_script.html); without them, English. */
  var texts = document.getElementById("texts");
  function word(name, english) {
    return (texts && texts.dataset[name]) || english;
  }

  var PAUSE = 150;
  var SHORTEST = 2;

  function element(tag, className, text) {
    var made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function combobox(box) {
    var line = box.querySelector("input[type=text]");
    var chosen = box.querySelector("input[type=hidden]");
    var known = box.parentElement.querySelector("[data-known]");
    var address = box.dataset.institutions;
    var list = element("ul", "combo-list");
    var said = element("p", "visually-hidden");
    var found = [];
    var active = -1;
    var timer = 0;
    var asked = null;
    var answers = new Map();

    list.id = line.id + "_list";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", word("institutions", "Institutions"));
    said.setAttribute("role", "status");
    line.setAttribute("role", "combobox");
    line.setAttribute("aria-autocomplete", "list");
    line.setAttribute("aria-expanded", "false");
    line.setAttribute("aria-controls", list.id);
    line.setAttribute("autocomplete", "off");
    line.setAttribute("spellcheck", "false");
    box.append(list, said);

    function open() {
      return !list.hidden;
    }

    function close() {
      window.clearTimeout(timer);
      if (asked) asked.abort();
      asked = null;
      list.hidden = true;
      line.setAttribute("aria-expanded", "false");
      line.removeAttribute("aria-activedescendant");
      active = -1;
    }

    function mark(place) {
      active = place;
      Array.from(list.children).forEach(function (option, number) {
        option.setAttribute("aria-selected", String(number === place));
        if (number === place) option.scrollIntoView({ block: "nearest" });
      });
      if (place < 0) line.removeAttribute("aria-activedescendant");
      else line.setAttribute("aria-activedescendant", list.children[place].id);
    }

    function show(results) {
      found = results;
      list.replaceChildren.apply(
        list,
        results.map(function (entry, number) {
          var option = element("li");
          option.id = list.id + "_" + number;
          option.setAttribute("role", "option");
          option.setAttribute("aria-selected", "false");
          option.append(element("span", "name", entry.name));
          option.append(element("span", "what", [entry.also, entry.country_name].filter(Boolean).join(" · ")));
          return option;
        }),
      );
      list.hidden = !results.length;
      line.setAttribute("aria-expanded", String(open()));
      mark(-1);
      if (!results.length) said.textContent = word("nothing", "Nothing in the list. What you typed is taken as it is.");
      else said.textContent = word(results.length === 1 ? "one" : "many", "{number} in the list.").replace("{number}", results.length);
    }

    function lookUp() {
      var text = line.value.trim();
      if (asked) asked.abort();
      asked = null;
      if (text.length < SHORTEST) return close();
      if (answers.has(text)) return show(answers.get(text));
      asked = new AbortController();
      fetch(address + "?q=" + encodeURIComponent(text), { credentials: "same-origin", signal: asked.signal })
        .then(function (answer) {
          return answer.ok ? answer.json() : { results: [] };
        })
        .then(function (body) {
          answers.set(text, body.results);
          if (document.activeElement === line && line.value.trim() === text) show(body.results);
        })
        .catch(function () {
          /* Without the list the line is a plain line. */
        });
    }

    function take(entry) {
      line.value = entry.name;
      chosen.value = JSON.stringify({ name: entry.name, ror_id: entry.ror_id, country: entry.country || null });
      agree();
      close();
      said.textContent = word("chosen", "{name} chosen.").replace("{name}", entry.name);
      line.dispatchEvent(new Event("change", { bubbles: true }));
    }

    /* The mark below the line holds only while the line says what was chosen. */
    function agree() {
      var entry = {};
      try {
        entry = JSON.parse(chosen.value || "{}");
      } catch (error) {
        entry = {};
      }
      var same = entry.name !== undefined && entry.name === line.value.trim() && Boolean(entry.ror_id);
      if (!same && entry.name !== line.value.trim()) chosen.value = "";
      if (!known) return;
      known.hidden = !same;
      if (same) known.querySelector("[data-ror]").textContent = "ROR " + entry.ror_id;
    }

    line.addEventListener("input", function () {
      agree();
      window.clearTimeout(timer);
      timer = window.setTimeout(lookUp, PAUSE);
    });
    line.addEventListener("keydown", function (event) {
      if (event.isComposing || event.ctrlKey || event.metaKey) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (!open()) {
          if (!event.altKey || event.key === "ArrowDown") lookUp();
          return;
        }
        if (event.altKey && event.key === "ArrowUp") return close();
        var step = event.key === "ArrowDown" ? 1 : -1;
        var count = found.length;
        mark(active < 0 ? (step > 0 ? 0 : count - 1) : (active + step + count) % count);
      } else if (event.key === "Enter" && open() && active >= 0) {
        event.preventDefault();
        take(found[active]);
      } else if (event.key === "Enter") {
        close();
      } else if (event.key === "Escape" && open()) {
        event.preventDefault();
        close();
      } else if (event.key === "Tab" && open() && active >= 0) {
        take(found[active]);
      } else if ((event.key === "Home" || event.key === "End" || event.key === "ArrowLeft" || event.key === "ArrowRight") && open()) {
        mark(-1);
      }
    });
    line.addEventListener("blur", close);
    /* Pressing on the list must not take the focus out of the line. */
    list.addEventListener("mousedown", function (event) {
      event.preventDefault();
    });
    list.addEventListener("click", function (event) {
      var option = event.target.closest("[role=option]");
      if (option) take(found[Array.from(list.children).indexOf(option)]);
    });
  }

  document.querySelectorAll(".combo[data-institutions]").forEach(combobox);
})();
