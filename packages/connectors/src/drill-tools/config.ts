/** Where programs are looked for: in these folders, separated by colons, and then where the system looks. */
export const searchPath = (folders?: string): string =>
  [folders, process.env.PATH].filter((one) => one).join(':')
