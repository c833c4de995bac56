(() => {
  const copied = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Where a page is served without TLS there is no clipboard but this one.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  const button = (tools, text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", () => act(made));
    tools.append(made);
    return made;
  };
  for (const tools of document.querySelectorAll(".ocinb-story > .tools:empty")) {
    const story = tools.parentElement;
    const chapters = [...story.querySelectorAll("details.chapter")];
    const markdown = JSON.parse(story.querySelector("script.markdown").textContent);
    const all = button(tools, "Open all", () => {
      const open = !chapters.every((chapter) => chapter.open);
      for (const chapter of chapters) chapter.open = open;
    });
    const name = () => {
      all.textContent = chapters.every((chapter) => chapter.open) ? "Close all" : "Open all";
    };
    for (const chapter of chapters) chapter.addEventListener("toggle", name);
    button(tools, "Copy as Markdown", (made) => {
      copied(markdown).then(
        () => { made.textContent = "Copied"; },
        () => { made.textContent = "Not copied: the browser forbids it"; },
      ).then(() => setTimeout(() => { made.textContent = "Copy as Markdown"; }, 2000));
    });
    for (const line of story.querySelectorAll("code.line")) line.title = "Click to copy";
    story.addEventListener("click", (event) => {
      const line = event.target.closest("code.line");
      if (line) copied(line.textContent).catch(() => {});
    });
    // Paper cannot be opened: all that is closed is opened for it, and closed again.
    let closed = [];
    window.addEventListener("beforeprint", () => {
      closed = [...story.querySelectorAll("details:not([open])")];
      for (const one of closed) one.open = true;
    });
    window.addEventListener("afterprint", () => {
      for (const one of closed) one.open = false;
    });
  }
})();
