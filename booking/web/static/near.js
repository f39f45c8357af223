// Asks for the position on a click only, rounds it to a hundred metres and sends it as a form; nothing is kept. Without
// this script or without a position the form goes as it is, and the page that answers offers the wards.
for (const form of document.querySelectorAll("form[data-near]")) {
  const said = form.querySelector("[role=status]");
  const put = (latitude, longitude) => {
    form.latitude.value = latitude;
    form.longitude.value = longitude;
  };
  form.addEventListener("submit", (event) => {
    if (!navigator.geolocation) return;
    event.preventDefault();
    said.textContent = form.dataset.near;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        put(coords.latitude.toFixed(3), coords.longitude.toFixed(3));
        form.submit();
      },
      () => form.submit(),
      { enableHighAccuracy: false, timeout: 8000, maximumAge: 300000 },
    );
  });
  // Back from the answer, the page may be the one that was left: the position is not to be found in it.
  addEventListener("pageshow", () => {
    put("", "");
    said.textContent = "";
  });
}
