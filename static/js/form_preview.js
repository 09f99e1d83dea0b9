"use strict";
/* A preview in a tab of its own follows the builder: when a change is saved there, this page is drawn again. */
{
  const preview = document.body.dataset.formPreview;
  const builder = document.querySelector("[data-form-builder]")?.dataset.formBuilder;
  if (window.BroadcastChannel && (preview || builder)) {
    const channel = new BroadcastChannel(`form-${preview || builder}`);
    if (builder) {
      channel.postMessage("drawn");
    } else {
      channel.addEventListener("message", () => window.location.replace(window.location.href));
    }
  }
}
