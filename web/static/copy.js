// A button that copies the strongest windows as Markdown. Without this the same text is a link at the foot of the page.
const markdown = document.querySelector('link[rel="alternate"][type="text/markdown"]');
const heading = document.querySelector("#examples h2");
if (markdown && heading && navigator.clipboard) {
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.textContent = "copy as Markdown";
  button.addEventListener("click", async () => {
    try {
      const answer = await fetch(markdown.href);
      if (!answer.ok) throw new Error(answer.statusText);
      await navigator.clipboard.writeText(await answer.text());
      button.textContent = "copied";
    } catch {
      location.href = markdown.href;
    }
  });
  heading.append(button);
}
