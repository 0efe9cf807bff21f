declare module 'cluster-key-slot' {
  /** Slot of a key, its hash tag considered. */
  export default function slotOf(key: string | Buffer): number
}
