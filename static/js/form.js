/* The form of an application: counters, questions that depend on others, saving by itself. Without this script the
   page shows every question and saves with its buttons. */
(function () {
  "use strict";

  /* Words of the page in the reader's language (components/_form_script.html); without them, English. */
  var texts = document.getElementById("texts");
  function word(name, english) {
    return (texts && texts.dataset[name]) || english;
  }

  /* --- Counters: the same counting as the server (runs of characters between blanks) --- */
  function counters(form) {
    form.querySelectorAll("[data-counter-words], [data-counter-chars]").forEach(function (field) {
      var place = document.getElementById(field.id + "_count");
      if (!place) return;
      var byWords = field.hasAttribute("data-counter-words");
      var limit = Number(byWords ? field.dataset.counterWords : field.dataset.counterChars);
      var format = new Intl.NumberFormat("en");
      function count() {
        var words = field.value.trim().split(/\s+/);
        var have = byWords ? (words[0] === "" ? 0 : words.length) : Array.from(field.value).length;
        var said = byWords ? word("words", "{have} of {limit} words") : word("characters", "{have} of {limit} characters");
        place.textContent = said.replace("{have}", format.format(have)).replace("{limit}", format.format(limit));
        place.classList.toggle("over", have > limit);
        place.classList.toggle("near", have <= limit && have * 10 > limit * 9);
      }
      field.addEventListener("input", count);
      count();
    });
  }

  /* --- Conditions: a question is shown while the one it depends on has one of the listed answers --- */
  function conditions(form) {
    var boxes = Array.from(form.querySelectorAll("[data-show-if-question]"));
    if (!boxes.length) return;

    function given(name) {
      return Array.from(form.elements)
        .filter(function (field) {
          if (field.name !== name || field.closest("[hidden]")) return false;
          return field.type === "radio" || field.type === "checkbox" ? field.checked : true;
        })
        .map(function (field) {
          return field.value;
        });
    }

    function apply() {
      boxes.forEach(function (box) {
        /* A question that is not on this page was settled by the server when it drew the page. */
        if (!form.elements.namedItem(box.dataset.showIfQuestion)) return;
        var wanted = JSON.parse(box.dataset.showIfAnyOf);
        box.hidden = !given(box.dataset.showIfQuestion).some(function (value) {
          return wanted.includes(value);
        });
      });
    }

    form.addEventListener("change", apply);
    apply();
  }

  /* --- The token: a sign-in in another tab ends that of this page. The same page, asked for anew, has one that works; without
     a session it leads to the sign-in page, which has no such form. What is typed here stays as it is. --- */
  function renew(form) {
    return fetch(window.location.pathname + window.location.search, { credentials: "same-origin" })
      .then(function (answer) {
        return answer.text();
      })
      .then(function (page) {
        var found = new DOMParser().parseFromString(page, "text/html").querySelector("form[data-conditions] [name=csrfmiddlewaretoken]");
        if (!found) throw new Error("no session");
        form.elements.csrfmiddlewaretoken.value = found.value;
      });
  }

  /* Whoever signed in elsewhere comes back to this tab before they press its button. */
  function token(form) {
    var since = Date.now();
    document.addEventListener("visibilitychange", function () {
      if (document.visibilityState !== "visible" || Date.now() - since < 60000) return;
      since = Date.now();
      renew(form).catch(function () {});
    });
  }

  /* --- Saving by itself: on leaving a field, and a few seconds after the last key --- */
  function autosave(form) {
    var address = form.dataset.autosave;
    var mark = document.getElementById("saved");
    if (!address || !mark) return;
    var words = mark.querySelector("span");
    var conflict = document.getElementById("conflict");
    var version = form.elements.version;
    var base = form.elements.base;
    var changed = false;
    var saving = null;
    var stopped = false;
    var lost = false; /* the session of this page has ended, or another sign-in took its place */
    var timer = 0;
    var pause = 3000;

    function say(what, off) {
      words.textContent = what;
      mark.classList.toggle("off", Boolean(off));
    }

    function typed() {
      var data = {};
      new FormData(form).forEach(function (value, name) {
        if (name === "csrfmiddlewaretoken" || name === "version" || name === "base" || typeof value !== "string") return;
        (data[name] = data[name] || []).push(value);
      });
      return data;
    }

    function later(milliseconds) {
      window.clearTimeout(timer);
      timer = window.setTimeout(save, milliseconds);
    }

    function save() {
      window.clearTimeout(timer);
      timer = 0;
      if (stopped || !changed) return saving;
      if (saving) return saving;
      if (lost) {
        saving = renew(form).then(
          function () {
            saving = null;
            lost = false;
            return save();
          },
          function () {
            saving = null;
            retry(words.textContent);
          },
        );
        return saving;
      }
      changed = false;
      say(word("saving", "Saving"));
      var body = JSON.stringify({ version: version.value, base: base.value, data: typed() });
      saving = fetch(address, {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
        body: body,
        /* A page on its way out still gets its last words through; browsers allow that up to 64 kB. */
        keepalive: document.visibilityState === "hidden" && body.length < 60000,
      })
        .then(function (answer) {
          return answer.json().then(
            function (body) {
              return { status: answer.status, body: body };
            },
            function () {
              return { status: answer.status, body: {} };
            },
          );
        })
        .then(function (answer) {
          saving = null;
          if (answer.status === 200) {
            version.value = answer.body.version;
            /* What the page remembers of each answer: the next save is compared with this one. */
            if (answer.body.base) base.value = JSON.stringify(answer.body.base);
            pause = 3000;
            say(changed ? word("saving", "Saving") : answer.body.saved);
            if (changed) later(1000);
          } else if (answer.status === 409) {
            stopped = true;
            say(word("stale", "Not saved: changed in another window"), true);
            if (conflict) {
              var clashes = document.getElementById("clashes");
              if (clashes && answer.body.clashes && answer.body.clashes.length) {
                clashes.querySelector("b").textContent = answer.body.clashes.join(", ");
                clashes.hidden = false;
              }
              conflict.hidden = false;
              conflict.focus();
            }
          } else if (answer.status === 401 || answer.status === 403) {
            lost = true;
            retry(answer.body.error || word("signedout", "You are signed out. Sign in in another tab, then go on here."));
          } else if (answer.status >= 500 || answer.status === 429) {
            retry(word("again", "Not saved yet, trying again"));
          } else {
            say(answer.body.error || word("reload", "Not saved. Reload the page; what was saved is there."), true);
          }
        })
        .catch(function () {
          saving = null;
          retry(word("offline", "Offline. Kept on this page, not saved yet"));
        });
      return saving;
    }

    function retry(why) {
      changed = true;
      say(why, true);
      pause = Math.min(pause * 2, 30000);
      later(pause);
    }

    /* The clock runs from the first change that is not saved, so that it also goes off under a steady typist. */
    function touched() {
      if (!changed || !timer) later(pause);
      changed = true;
    }

    form.addEventListener("input", touched);
    form.addEventListener("change", touched);
    form.addEventListener("focusout", function () {
      if (changed) later(200);
    });
    window.addEventListener("online", function () {
      if (changed) save();
    });

    /* The button must send the number of the last save, so it waits for one that is on its way. Without a session it
       sends all the same: what is typed waits for the sign-in (applications/views/typed.py). */
    form.addEventListener("submit", function (event) {
      window.clearTimeout(timer);
      changed = false;
      stopped = true;
      var before = saving || (lost ? renew(form).catch(function () {}) : null);
      if (!before) return;
      event.preventDefault();
      var button = event.submitter;
      before.then(function () {
        changed = false;
        lost = false;
        form.requestSubmit(button && !button.disabled ? button : undefined);
      });
    });

    document.addEventListener("visibilitychange", function () {
      if (changed && (lost || document.visibilityState === "hidden")) save();
    });
    window.addEventListener("beforeunload", function (event) {
      if ((changed || saving) && !stopped) event.preventDefault();
    });
  }

  document.querySelectorAll("form[data-conditions]").forEach(function (form) {
    counters(form);
    conditions(form);
    if (form.method === "post" && form.elements.csrfmiddlewaretoken) token(form);
    autosave(form);
  });
})();
