// After signing in, the part of the page that was asked for is shown: its name stands behind # and reaches no server.

const { hash } = location;
if (/^#[\w-]+$/.test(hash)) {
  const next = document.querySelector("input[name=next]");
  next.value = next.value.replace(/#.*$/, "") + hash;
  for (const link of document.querySelectorAll("#issuer, #language")) {
    const address = new URL(link.href);
    address.searchParams.set("next", next.value);
    link.href = address.href;
  }
}
