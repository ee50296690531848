for (const code of document.querySelectorAll("code.command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy " + code.textContent);
  button.addEventListener("click", async () => {
    const said = document.getElementById("said");
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "Copied";
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      said.textContent = "Selected: copy it by hand";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  code.after(button);
}
const told = document.getElementById("map-told");
for (const region of document.querySelectorAll(".dfm-region")) {
  for (const event of ["focus", "pointerenter"]) {
    region.addEventListener(event, () => { told.textContent = region.getAttribute("aria-label"); });
  }
}
