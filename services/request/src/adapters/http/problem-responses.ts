// The ways an operation can fail, for the OpenAPI document.

/** Of everything that has a path: not well formed, too long. */
export const anywhere = [400, 405, 414]
export const behindTheGuard = [...anywhere, 401, 403, 404, 503]
export const withBody = [...behindTheGuard, 409, 413, 415, 422]
