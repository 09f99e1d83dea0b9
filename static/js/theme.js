/* Runs before the first paint: light, dark, or what the device asks for. The choice lives in a cookie, so that the
   server writes the right theme at once; without this script a page is light. */
(function () {
  "use strict";
  var root = document.documentElement;
  var device = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    var match = document.cookie.match(/(?:^|; )theme=(light|dark)(?:;|$)/);
    return match ? match[1] : "auto";
  }

  function apply() {
    var choice = chosen();
    root.setAttribute("data-bs-theme", choice === "auto" ? (device.matches ? "dark" : "light") : choice);
    return choice;
  }

  window.portalTheme = {
    apply: apply,
    choose: function (choice) {
      var keep = choice === "auto" ? "; max-age=0" : "; max-age=31536000";
      var secure = location.protocol === "https:" ? "; secure" : "";
      document.cookie = "theme=" + choice + "; path=/; samesite=lax" + keep + secure;
      return apply();
    },
  };
  device.addEventListener("change", apply);
  apply();
})();
