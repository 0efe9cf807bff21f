/** After so long without a key or a pointer nobody sits there: what the page asks by itself keeps no session alive. */
const ALONE_AFTER_MS = 60_000

let last = Date.now()
const seen = () => {
  last = Date.now()
}
for (const event of ['pointerdown', 'pointermove', 'keydown', 'wheel'] as const)
  window.addEventListener(event, seen, { passive: true, capture: true })

export const attended = (): boolean => Date.now() - last < ALONE_AFTER_MS
