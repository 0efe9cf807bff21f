import { outputOf, run, SetupError, which } from './shell.mjs'

const managers = {
  'apt-get': {
    names: {
      postgres: 'postgresql',
      redis: 'redis-server',
      maven: 'maven',
      pip: 'python3-pip',
      tar: 'tar',
      pgbackrest: 'pgbackrest',
    },
    commands: (list) => [
      ['apt-get', 'update', '-q'],
      ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...list],
    ],
    needsRoot: true,
  },
  dnf: {
    names: { postgres: 'postgresql-server', redis: 'redis', maven: 'maven', pip: 'python3-pip', tar: 'tar' },
    commands: (list) => [['dnf', 'install', '-y', '-q', ...list]],
    needsRoot: true,
  },
  brew: {
    names: { postgres: 'postgresql@17', redis: 'redis', maven: 'maven', java: 'openjdk', pip: 'python' },
    commands: (list) => [['brew', 'install', '--quiet', ...list]],
    needsRoot: false,
  },
}

/** Download of each, in MB, as seen with Debian's packages and everything they need. */
export const packageMegabytes = {
  postgres: 20,
  redis: 2,
  maven: 60,
  java: 180,
  pip: 25,
  tar: 1,
  pgbackrest: 1,
}

/**
 * The system's package manager and whether it may be used: as root, or with a sudo that asks nothing.
 * Null when there is none we know.
 */
export function packageManager() {
  const name = Object.keys(managers).find((candidate) => which(candidate))
  if (!name) return null
  const { needsRoot, names, commands } = managers[name]
  const root = process.getuid?.() === 0
  const sudo = needsRoot && !root
  const may = !sudo || (which('sudo') !== null && outputOf('sudo', ['-n', 'true']) !== null)
  const knows = (need) => names[need] !== undefined
  return {
    name,
    may,
    knows,
    /** One line a person can paste. */
    command: (needs) =>
      commands(needs.map((need) => names[need]))
        .map((words) => [...(sudo ? ['sudo'] : []), ...words].join(' '))
        .join(' && '),
    packages: (needs) => needs.map((need) => names[need]),
    install: async (needs) => {
      for (const words of commands(needs.map((need) => names[need]))) {
        const [command, ...args] = sudo ? ['sudo', '-n', ...words] : words
        await run(command, args, { env: { DEBIAN_FRONTEND: 'noninteractive' }, hint: installHint(name) })
      }
    },
  }
}

const installHint = (name) => `${name} could not install what is needed; its message is above.`

/** Throws unless what was to be installed can be found afterwards: a distribution's version may be too old. */
export function requireFound(found, what) {
  if (!found) throw new SetupError(`The system's packages were installed, but ${what} is still not there.`)
}
