// The console works without this file. With it, times are in the browser's zone.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`autoreply_zone=${zone}`)) {
    document.cookie = `autoreply_zone=${zone}; path=/console; max-age=31536000; samesite=lax`;
    if (document.querySelector("time")) location.reload();
  }
})();
