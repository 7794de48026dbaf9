(function () {
  "use strict";
  var all = function (query) { return Array.prototype.slice.call(document.querySelectorAll(query)); };
  var field = document.getElementById("lookup-field");
  var text = document.getElementById("lookup-text");
  var count = document.getElementById("lookup-count");
  var people = all(".person");
  if (field && people.length) {
    var words = field.parentNode.dataset;
    var find = function () {
      var wanted = text.value.trim().toLowerCase();
      var exact = null;
      var shown = people.filter(function (one) {
        var name = one.querySelector("strong").textContent.toLowerCase();
        exact = name === wanted ? one : exact;
        return one.textContent.toLowerCase().indexOf(wanted) >= 0;
      });
      shown = exact ? [exact] : shown;
      people.forEach(function (one) { one.hidden = shown.indexOf(one) < 0; });
      if (shown.length === 1) { shown[0].open = true; }
      count.textContent = shown.length
        ? words.found.replace("{count}", shown.length).replace("{all}", people.length)
        : words.none;
    };
    field.hidden = false;
    text.addEventListener("input", find);
  }
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = all("details").filter(function (one) { return !one.open; });
    opened.forEach(function (one) { one.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (one) { one.open = false; });
    opened = [];
  });
}());
