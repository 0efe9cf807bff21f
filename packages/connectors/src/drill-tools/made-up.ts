/** The made-up person of a drill: letters and digits only, so that no delimiter of any template is in it. */
export const madeUp = (drillId: string): string => `lethedrill${drillId.replace(/[^a-z0-9]/gi, '')}`
