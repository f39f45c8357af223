// Takes away the sheets this machine keeps. On the page that signs in: whoever reads it is not signed in.
if ("caches" in window) caches.delete("desk-sheet");
