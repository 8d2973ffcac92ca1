// Where somebody is signed in, the form is sent as well as saved: as the very file that it would be saved as. The server
// checks all of it again; what is still to be mended is shown here first.
(() => {
  const form = document.getElementById("send");
  if (!form) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    if (window.requestForm.problems(window.requestForm.written()).length) {
      event.preventDefault();
      document.getElementById("check").click();
      return;
    }
    document.getElementById("send-request").value = window.requestForm.yaml();
  });
})();
