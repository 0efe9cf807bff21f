/** Its failure is met where it is awaited, which may be later. */
export function heldBack<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
