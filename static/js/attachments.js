/* Attachments of a question: files are sent one by one with progress, by choosing or dropping them. Without this script
   the form sends them with its own button. Words for the list come from the server, in the page or in its answer. */
(function () {
  "use strict";

  /* Words of the page in the reader's language (components/_form_script.html); without them, English. */
  var texts = document.getElementById("texts");
  function word(name, english) {
    return (texts && texts.dataset[name]) || english;
  }

  function icon(box, name) {
    var drawn = box.querySelector(".drop .icon").cloneNode(true);
    var use = drawn.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#" + name));
    return drawn;
  }

  function element(tag, className, text) {
    var made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function attachments(box) {
    var form = box.closest("form");
    var list = box.querySelector(".files");
    var drop = box.querySelector(".drop");
    var input = drop.querySelector("input[type=file]");
    var words = drop.querySelector("[data-left]");
    var said = box.querySelector("[data-said]");
    var most = Number(box.dataset.most);
    var largest = Number(box.dataset.megabytes) * 1000000;
    var waiting = [];
    var sending = null;

    /* The plain control becomes a place to drop files on; the input stays what the keyboard and the label reach. */
    drop.querySelector("button[name=attach]").remove();
    input.className = "visually-hidden";
    input.removeAttribute("name");
    drop.querySelectorAll("[data-enhanced]").forEach(function (part) {
      part.hidden = false;
    });
    list.querySelectorAll("[data-refused]").forEach(dismissable);
    count();

    function count() {
      var rows = list.querySelectorAll("li:not([data-refused])").length;
      var left = Math.max(0, most - rows);
      drop.hidden = left === 0;
      input.disabled = left === 0;
      words.textContent = left === most ? words.dataset.none : words.dataset.left.replace("{left}", left).replace("{most}", most);
      list.hidden = !list.children.length;
      return left;
    }

    function say(text) {
      said.textContent = text;
    }

    function row(name, text, drawing, bad) {
      var item = element("li");
      var middle = element("div");
      middle.append(element("div", "name", name), element("div", "what" + (bad ? " bad" : ""), text));
      item.append(icon(box, drawing), middle);
      list.append(item);
      list.hidden = false;
      return item;
    }

    function button(item, text, more, act) {
      var made = element("button", "btn btn-bare btn-sm", text);
      made.type = "button";
      made.append(element("span", "visually-hidden", " " + more));
      made.addEventListener("click", act);
      item.append(made);
      return made;
    }

    function leaveFocus(item) {
      var next = item.nextElementSibling || item.previousElementSibling;
      item.remove();
      count();
      var place = next && next.querySelector("button");
      (place || input).focus();
    }

    function dismissable(item) {
      var name = item.querySelector(".name").textContent;
      button(item, word("dismiss", "Dismiss"), name, function () {
        leaveFocus(item);
      });
    }

    function refuse(item, why) {
      var name = item.querySelector(".name").textContent;
      var fresh = row(name, word("refused", "Not attached: {why}").replace("{why}", why), "warn", true);
      fresh.setAttribute("data-refused", "");
      item.replaceWith(fresh);
      dismissable(fresh);
      say(name + ": " + word("refused", "Not attached: {why}").replace("{why}", why));
      count();
    }

    function choose(files) {
      var left = count();
      Array.from(files).forEach(function (file) {
        var item = row(file.name, word("waits", "Waits"), "file");
        if (left < 1) return refuse(item, word(most === 1 ? "mostone" : "most", "{most} files are the most here.").replace("{most}", most));
        if (file.size > largest) return refuse(item, word("large", "The file is larger than {megabytes} MB.").replace("{megabytes}", box.dataset.megabytes));
        if (!file.size) return refuse(item, word("empty", "The file is empty."));
        left -= 1;
        waiting.push({ file: file, item: item });
      });
      input.value = "";
      count();
      next();
    }

    function next() {
      if (sending || !waiting.length) return;
      sending = waiting.shift();
      send(sending.file, sending.item);
    }

    function done() {
      sending = null;
      next();
    }

    function send(file, item) {
      var what = item.querySelector(".what");
      var bar = element("progress", "bar");
      var request = new XMLHttpRequest();
      var data = new FormData();
      bar.max = 100;
      bar.value = 0;
      bar.setAttribute("aria-label", word("upload", "Upload of {name}").replace("{name}", file.name));
      item.querySelector("div").append(bar);
      button(item, word("stop", "Stop"), word("upload", "Upload of {name}").replace("{name}", file.name), function () {
        request.abort();
      });
      what.textContent = word("uploading", "Uploading");
      data.append("file", file);
      request.open("POST", box.dataset.attach);
      request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
      request.upload.addEventListener("progress", function (event) {
        if (!event.lengthComputable) return;
        bar.value = Math.round((100 * event.loaded) / event.total);
        what.textContent = bar.value < 100 ? word("uploading", "Uploading") + ", " + bar.value + "%" : word("checked", "Being checked");
      });
      request.addEventListener("abort", function () {
        leaveFocus(item);
        done();
      });
      request.addEventListener("error", function () {
        refuse(item, word("broke", "The connection broke. Add it again."));
        done();
      });
      request.addEventListener("load", function () {
        var answer = {};
        try {
          answer = JSON.parse(request.responseText);
        } catch (error) {
          answer = {};
        }
        if (request.status === 201) attached(item, answer);
        else refuse(item, answer.error || word("failed", "Something went wrong on our side. Add it again."));
        done();
      });
      request.send(data);
    }

    function attached(item, answer) {
      var address = box.dataset.file.replace("00000000-0000-0000-0000-000000000000", answer.id);
      var fresh = row(answer.name, answer.what, "file");
      if (answer.readable) {
        var link = element("a", "", answer.name);
        link.href = address;
        fresh.querySelector(".name").replaceChildren(link);
      }
      var made = button(fresh, word("remove", "Remove"), answer.name, function () {});
      made.name = "detach";
      made.value = answer.id;
      made.type = "submit";
      var hadFocus = item.contains(document.activeElement);
      item.replaceWith(fresh);
      if (hadFocus) made.focus();
      goOn(answer);
      say(word("attached", "{name} is attached.").replace("{name}", answer.name));
      count();
    }

    /* On a sent application each file is a change of its own, which gives the answers a new number. */
    function goOn(answer) {
      var version = form.elements.version;
      if (version && version.value === String(answer.from)) version.value = answer.version;
    }

    function takeOut(pressed) {
      var item = pressed.closest("li");
      var name = item.querySelector(".name").textContent;
      pressed.disabled = true;
      fetch(box.dataset.file.replace("00000000-0000-0000-0000-000000000000", pressed.value) + "remove/", {
        method: "POST",
        credentials: "same-origin",
        headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
      })
        .then(function (answer) {
          return answer.json().then(function (body) {
            if (!answer.ok) throw new Error(body.error);
            goOn(body);
            leaveFocus(item);
            say(word("gone", "{name} is removed.").replace("{name}", name));
          });
        })
        .catch(function (error) {
          pressed.disabled = false;
          say(error.message || word("kept", "The file could not be removed. Try again."));
        });
    }

    list.addEventListener("click", function (event) {
      var pressed = event.target.closest("button[name=detach]");
      if (!pressed) return;
      event.preventDefault();
      takeOut(pressed);
    });
    input.addEventListener("change", function (event) {
      event.stopPropagation(); /* a chosen file is nothing that saving by itself has to save */
      choose(input.files);
    });
    input.addEventListener("input", function (event) {
      event.stopPropagation();
    });
    ["dragenter", "dragover"].forEach(function (name) {
      drop.addEventListener(name, function (event) {
        if (!Array.from(event.dataTransfer.types).includes("Files")) return;
        event.preventDefault();
        drop.classList.add("over");
      });
    });
    ["dragleave", "drop"].forEach(function (name) {
      drop.addEventListener(name, function () {
        drop.classList.remove("over");
      });
    });
    drop.addEventListener("drop", function (event) {
      event.preventDefault();
      choose(event.dataTransfer.files);
    });
    window.addEventListener("beforeunload", function (event) {
      if (sending || waiting.length) event.preventDefault();
    });
  }

  document.querySelectorAll("[data-attach]").forEach(attachments);
})();
