import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { dataFolder, type StateDir } from '@lethe/infra'
import { type Disk, disks } from '../plan/faults.js'

const SIZE: Readonly<Record<Disk, string>> = { 'postgres-lethe': '1200m', kafka: '900m' }
const FILLER = 'filler'

/** The data folders of two servers as small disks of their own, which can be filled. */
export class Disks {
  readonly #folders: ReadonlyMap<Disk, string>

  private constructor(folders: ReadonlyMap<Disk, string>) {
    this.#folders = folders
  }

  /** Mounts them before the servers' first start. Only root may; otherwise it says why not. */
  static mount(state: StateDir): Disks | { reason: string } {
    if (process.platform !== 'linux' || process.getuid?.() !== 0)
      return { reason: 'mounting a small disk (tmpfs) needs root on Linux' }
    const folders = new Map<Disk, string>()
    try {
      for (const disk of disks) {
        const folder = disk === 'kafka' ? state.folder('data', disk) : dataFolder(state, disk, true)
        mkdirSync(folder, { recursive: true, mode: 0o755 })
        if (readdirSync(folder).length > 0) throw new Error(`${folder} is not empty`)
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE[disk]}`, 'tmpfs', folder], {
          stdio: 'pipe',
        })
        folders.set(disk, folder)
      }
    } catch {
      new Disks(folders).unmount()
      return { reason: 'a small disk (tmpfs) could not be mounted here' }
    }
    return new Disks(folders)
  }

  /** Not a byte is left. */
  fill(disk: Disk): void {
    const folder = this.#folders.get(disk)
    if (!folder) return
    const { bavail, bsize } = statfsSync(folder)
    const file = join(folder, FILLER)
    // Kafka takes every folder in its data folder for a partition, and leaves files alone. The server writes
    // meanwhile: most is reserved at once, and the rest is written until nothing goes in any more.
    const most = bavail * bsize - 16_000_000
    if (most > 0) execFileSync('fallocate', ['-l', String(most), file], { stdio: 'pipe' })
    const rest = ['if=/dev/zero', `of=${file}`, 'bs=64k', 'oflag=append', 'conv=notrunc']
    const { stderr } = spawnSync('dd', rest, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
    if (!stderr.includes('No space left'))
      throw new Error(`the disk of ${disk} could not be filled: ${stderr}`)
  }

  /** Idempotent. */
  empty(disk: Disk): void {
    const folder = this.#folders.get(disk)
    if (folder) rmSync(join(folder, FILLER), { force: true })
  }

  unmount(): void {
    for (const folder of this.#folders.values()) {
      // Lazily: a server that is just ending may hold a file a moment longer.
      execFileSync('umount', ['-l', folder], { stdio: 'pipe' })
    }
  }
}
