"use strict";
/* The line of the money board as a slider: arrow keys move it, and the page is asked again once it rests. */
{
  const form = document.querySelector("form[data-line]");
  const number = form?.querySelector("input[name=cut]");
  const range = form?.querySelector("input[type=range]");
  if (form && number && range) {
    let timer = 0;
    range.hidden = false;
    range.addEventListener("input", () => {
      number.value = range.value;
      window.clearTimeout(timer);
      timer = window.setTimeout(() => { sessionStorage.setItem("line", "1"); form.requestSubmit(); }, 500);
    });
    number.addEventListener("input", () => { range.value = number.value; });
    if (sessionStorage.getItem("line")) {
      sessionStorage.removeItem("line");
      range.focus({ preventScroll: true });
    }
  }
}
