// What a page does by itself: it keeps what is typed, shows what has come, and locks when nobody is there. Everything
// else works without it.
(function () {
  "use strict";
  var body = document.body;
  var say = function (name) { return body.getAttribute("data-say-" + name) || ""; };
  var csrf = (document.querySelector("input[name=csrf]") || {}).value || "";
  var dirty = false;
  // Whether the node is not there, or is another than the one that made this page.
  var gone = false;

  function typed(form) {
    var pairs = [];
    Array.prototype.forEach.call(form.elements, function (field) {
      var left = !field.name || field.name === "csrf" || field.name === "once" ||
        field.name.indexOf("draft") === 0 || field.type === "file" ||
        field.type === "password" || field.tagName === "BUTTON" ||
        ((field.type === "radio" || field.type === "checkbox") && !field.checked);
      if (!left) { pairs.push(encodeURIComponent(field.name) + "=" + encodeURIComponent(field.value)); }
    });
    return pairs.join("&");
  }

  function send(path, text, then, fail) {
    var request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("content-type", "application/x-www-form-urlencoded");
    request.onload = function () { (request.status < 300 ? then : fail)(request); };
    request.onerror = function () { fail(request); };
    request.send(text);
  }

  // What is sent to nobody would be lost with the page that sent it: it stays, and says so.
  document.addEventListener("submit", function (event) {
    var form = event.target, said;
    if (!gone || form.method !== "post") { return; }
    event.preventDefault();
    said = form.querySelector("[data-not-sent]");
    if (!said) {
      said = document.createElement("p");
      said.className = "say bad";
      said.setAttribute("role", "alert");
      said.setAttribute("data-not-sent", "");
      form.appendChild(said);
    }
    said.textContent = say("not-sent");
  }, true);
  document.addEventListener("input", function (event) {
    if (event.target.closest("#main")) { dirty = true; }
  });
  window.addEventListener("beforeunload", function (event) {
    var kept = !dirty || !document.querySelector("form[data-draft]:not([data-kept])");
    if (gone && !kept) { event.preventDefault(); event.returnValue = ""; }
  });

  // What is typed is kept a moment later, and at once when the page goes.
  var keeping = [];
  Array.prototype.forEach.call(document.querySelectorAll("form[data-draft]"), function (form) {
    var timer = null, last = typed(form), left = last, sent = false, state = document.createElement("p");
    state.className = "hint";
    state.setAttribute("role", "status");
    form.appendChild(state);
    function text() {
      return "csrf=" + encodeURIComponent(csrf) + "&form=" + encodeURIComponent(form.getAttribute("data-draft")) +
        "&elder=" + encodeURIComponent(form.getAttribute("data-elder") || "") +
        "&once=" + encodeURIComponent(form.elements.once.value) + "&typed=" + encodeURIComponent(last);
    }
    function keep() {
      timer = null;
      var now = typed(form);
      if (now === last) { return; }
      last = now;
      send("/draft", text(), function () { if (typed(form) === now) { state.textContent = say("kept"); form.setAttribute("data-kept", ""); } },
        function () { last = null; state.textContent = say("not-kept"); });
    }
    form.addEventListener("input", function () {
      form.removeAttribute("data-kept");
      if (timer === null) { timer = setTimeout(keep, 700); }
    });
    form.addEventListener("submit", function () {
      if (gone) { return; }
      if (timer !== null) { clearTimeout(timer); timer = null; }
      dirty = false;
      sent = true;
      setTimeout(function () {
        Array.prototype.forEach.call(form.querySelectorAll("button"), function (button) { button.disabled = true; });
      }, 0);
    });
    keeping.push(keep);
    // Whatever somebody typed here is kept when the page goes, also where another window has saved the same form and its
    // draft went with that.
    function leave() {
      var now = typed(form);
      if (sent || now === left) { return; }
      last = left = now;
      if (navigator.sendBeacon) {
        navigator.sendBeacon("/draft", new Blob([text()], { type: "application/x-www-form-urlencoded" }));
      }
    }
    if (form.hasAttribute("data-unkept")) { last = null; keep(); }
    // The first comes before the next page is asked for, so that it has what was typed last; telephones know only the
    // second.
    window.addEventListener("beforeunload", leave);
    window.addEventListener("pagehide", leave);
  });

  // What was typed last may have come after the page was asked for again: then it is asked for once more.
  setTimeout(function () {
    var forms = document.querySelectorAll("form[data-draft]"), first = Array.prototype.map.call(forms, typed);
    var request = new XMLHttpRequest();
    if (!forms.length) { return; }
    request.open("GET", "/draft?" + Array.prototype.map.call(forms, function (form) {
      return "form=" + encodeURIComponent(form.getAttribute("data-draft"));
    }).join("&"));
    request.setRequestHeader("x-shouwang-by", "script");
    request.onload = function () {
      var kept = request.responseText.split(" ");
      var newer = Array.prototype.some.call(forms, function (form, at) {
        return Number(kept[at]) > Number(form.getAttribute("data-kept-at"));
      });
      var touched = Array.prototype.some.call(forms, function (form, at) { return typed(form) !== first[at]; });
      if (request.status === 200 && newer && !touched && !dirty) { location.reload(); }
    };
    request.send();
  }, 400);

  Array.prototype.forEach.call(document.querySelectorAll("[data-print]"), function (button) {
    button.addEventListener("click", function () { window.print(); });
  });

  if (!body.hasAttribute("data-open") || !window.EventSource) { return; }

  // How it stands with the others; a page that nobody types into is shown anew when something has come.
  var sync = document.getElementById("sync");
  function tell(mark, glyph, text) {
    var link = sync && sync.querySelector("a");
    if (!link) { return; }
    link.className = mark;
    link.children[0].textContent = glyph;
    link.children[1].textContent = text;
  }
  function refresh() {
    var request = new XMLHttpRequest();
    request.open("GET", location.pathname + location.search);
    request.setRequestHeader("x-shouwang-by", "script");
    request.onload = function () {
      if (request.status !== 200 || dirty) { return; }
      var fresh = new DOMParser().parseFromString(request.responseText, "text/html").getElementById("main");
      var main = document.getElementById("main"), at = document.activeElement;
      if (!fresh || (at && main.contains(at) && /INPUT|TEXTAREA|SELECT/.test(at.tagName))) { return; }
      var focused = at && main.contains(at) ? at.getAttribute("href") : null;
      main.parentNode.replaceChild(document.adoptNode(fresh), main);
      if (focused) {
        Array.prototype.some.call(fresh.querySelectorAll("a"), function (link) {
          if (link.getAttribute("href") === focused) { link.focus(); return true; }
        });
      }
    };
    request.send();
  }
  // The node is there again, and somebody has come in anew: its forms have another token, and take what was typed
  // while it was away.
  function come_back() {
    var request = new XMLHttpRequest();
    request.open("GET", location.pathname + location.search);
    request.setRequestHeader("x-shouwang-by", "script");
    request.onload = function () {
      var fresh = new DOMParser().parseFromString(request.responseText, "text/html");
      var token = fresh.querySelector("input[name=csrf]");
      if (request.status !== 200 || !fresh.body.hasAttribute("data-open") || !token) { later(); return; }
      csrf = token.value;
      Array.prototype.forEach.call(document.querySelectorAll("input[name=csrf]"), function (own) { own.value = csrf; });
      Array.prototype.forEach.call(document.querySelectorAll("[data-not-sent]"), function (said) {
        said.parentNode.removeChild(said);
      });
      gone = false;
      uncover();
      keeping.forEach(function (keep) { keep(); });
    };
    request.onerror = later;
    request.send();
    function later() { setTimeout(function () { if (gone) { come_back(); } }, 3000); }
  }
  var events = null;
  function listen() {
    events = new EventSource("/events?seen=" + encodeURIComponent(body.getAttribute("data-seen") || ""));
    events.onopen = function () { if (gone) { come_back(); } };
    events.addEventListener("sync", function (event) {
      var state = JSON.parse(event.data);
      tell(state.mark, state.glyph, state.text);
    });
    events.addEventListener("changed", function () { if (body.hasAttribute("data-live") && !dirty) { refresh(); } });
    events.addEventListener("locked", function () { stop(); location.reload(); });
    events.onerror = function () {
      gone = true;
      tell("bad", "×", say("gone"));
      // A browser gives up by itself where the answer is no stream.
      if (events && events.readyState === 2) { stop(); setTimeout(heed, 3000); }
    };
  }
  function stop() {
    if (events) { events.close(); }
    events = null;
  }
  // A node that is away can lock no page. One that nobody uses meanwhile is covered all the same; what was typed stays
  // under the cover, and comes back with the node.
  var used = moments(), title = document.title, cover = null;
  function moments() { return [Date.now(), performance.now()]; }
  function idle_ms() {
    var now = moments();
    return Math.max(now[0] - used[0], now[1] - used[1]);
  }
  function cover_up() {
    if (!gone || cover || idle_ms() < Number(body.getAttribute("data-idle-ms"))) { return; }
    cover = document.createElement("p");
    cover.className = "say attention cover";
    cover.setAttribute("role", "alert");
    cover.textContent = say("covered");
    document.title = say("gone");
    body.appendChild(cover);
    body.className = "covered";
  }
  function uncover() {
    if (!cover) { return; }
    body.removeChild(cover);
    body.className = "";
    document.title = title;
    cover = null;
    used = moments();
  }
  ["keydown", "mousedown", "touchstart", "input"].forEach(function (kind) {
    document.addEventListener(kind, function () { if (!cover) { used = moments(); } }, true);
  });
  setInterval(cover_up, 1000);

  // A browser has few connections to one address, and as many windows as somebody opens: those that nobody sees need
  // none.
  function heed() {
    if (document.hidden) { stop(); } else if (!events) { listen(); }
  }
  document.addEventListener("visibilitychange", heed);
  heed();
}());
