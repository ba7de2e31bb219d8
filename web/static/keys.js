// Left and right lead to the previous and the next feature, r to any. The pages read as well without this.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("input, select, textarea, .wide")) return;
  const link = { ArrowLeft: "previous", ArrowRight: "next", r: "random" }[event.key];
  if (link) document.getElementById(link)?.click();
});
