/* Every page: theme switch, one send per form, printing, focus on an error summary. Each page works without it. */
(function () {
  "use strict";

  function themeSwitch() {
    var group = document.querySelector(".theme-switch");
    if (!group || !window.portalTheme) return;
    var buttons = group.querySelectorAll("button");
    function show(choice) {
      buttons.forEach(function (button) {
        button.setAttribute("aria-pressed", String(button.dataset.theme === choice));
      });
    }
    group.hidden = false;
    show(window.portalTheme.apply());
    group.addEventListener("click", function (event) {
      var button = event.target.closest("button");
      if (button) show(window.portalTheme.choose(button.dataset.theme));
    });
  }

  /* A second click must not send a form twice. The server counts once anyway; this spares the person the doubt. */
  function oneSend() {
    document.addEventListener("submit", function (event) {
      var form = event.target;
      if (form.method !== "post" || event.defaultPrevented) return;
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      var button = event.submitter;
      if (button && button.dataset.busy) {
        window.setTimeout(function () {
          button.disabled = true;
          button.setAttribute("aria-busy", "true");
          button.textContent = button.dataset.busy;
          var turning = document.createElement("span");
          turning.className = "busy";
          turning.setAttribute("aria-hidden", "true");
          button.prepend(turning);
        }, 0);
      }
    });
    window.addEventListener("pageshow", function (event) {
      if (!event.persisted) return;
      document.querySelectorAll("form[data-sent]").forEach(function (form) {
        delete form.dataset.sent;
      });
      document.querySelectorAll("[aria-busy=true]").forEach(function () {
        location.reload();
      });
    });
  }

  function printButtons() {
    document.querySelectorAll("[data-print]").forEach(function (button) {
      button.hidden = false;
      button.addEventListener("click", function () {
        window.print();
      });
    });
    window.addEventListener("beforeprint", function () {
      document.querySelectorAll("details").forEach(function (details) {
        details.open = true;
      });
    });
  }

  function errorSummary() {
    var summary = document.querySelector(".error-summary");
    if (summary) summary.focus();
    document.addEventListener("click", function (event) {
      var link = event.target.closest(".error-summary a[href^='#']");
      if (!link) return;
      var box = document.getElementById(link.getAttribute("href").slice(1));
      if (!box) return;
      var field = box.matches("input, select, textarea") ? box : box.querySelector("input, select, textarea");
      if (!field) return;
      event.preventDefault();
      box.scrollIntoView({ block: "center" });
      field.focus({ preventScroll: true });
    });
  }

  themeSwitch();
  oneSend();
  printButtons();
  errorSummary();
})();
