// Forgets the slips kept on this phone, in browsers that do not know Clear-Site-Data. For the page after signing out.
if ("caches" in window) caches.delete("slips");
