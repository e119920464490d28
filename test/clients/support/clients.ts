/** The clients of the matrix: how each is told its registry, and how it installs. */
import { binary, script, versionOf } from './programs.ts'

export interface Client {
  readonly id: string
  /** As people call it, with the version. */
  readonly title: string
  readonly program: readonly string[]
  /** Files of a project or home that set the registry and keep the client from asking anybody else. */
  readonly settings: (registry: string) => Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** The environment in which it does not try again. */
  readonly impatient?: Readonly<Record<string, string>>
  readonly install: readonly string[]
  /** From the lockfile, which must not change. */
  readonly installLocked: readonly string[]
  readonly lockfile: string
  /** The environment that makes it use a proxy. */
  readonly proxy: (url: string) => Readonly<Record<string, string>>
}

const npmrc = (registry: string): string => `registry=${registry}/\naudit=false\nfund=false\nupdate-notifier=false\n`
const proxyEnv = (url: string): Readonly<Record<string, string>> => ({ HTTP_PROXY: url, http_proxy: url, NO_PROXY: '', no_proxy: '' })

const npm = (major: number): Client => ({
  id: `npm${String(major)}`,
  title: `npm ${versionOf(`npm${String(major)}`)}`,
  program: script(`npm${String(major)}`, 'bin/npm-cli.js'),
  settings: (registry) => ({ '.npmrc': npmrc(registry) }),
  install: ['install'],
  installLocked: ['ci'],
  lockfile: 'package-lock.json',
  proxy: proxyEnv,
})

const pnpm = (major: number, pinned: string, program: readonly string[]): Client => ({
  id: `pnpm${String(major)}`,
  title: `pnpm ${versionOf(pinned)}`,
  program,
  settings: (registry) => ({ '.npmrc': npmrc(registry) }),
  impatient: { npm_config_fetch_retries: '0', pnpm_config_fetch_retries: '0', PNPM_CONFIG_FETCH_RETRIES: '0' },
  install: ['install'],
  installLocked: ['install', '--frozen-lockfile'],
  lockfile: 'pnpm-lock.yaml',
  proxy: proxyEnv,
})

const yarn1: Client = {
  id: 'yarn1',
  title: `yarn ${versionOf('yarn1')}`,
  program: script('yarn1', 'bin/yarn.js'),
  settings: (registry) => ({ '.npmrc': npmrc(registry), '.yarnrc': `registry "${registry}/"\ndisable-self-update-check true\n` }),
  install: ['install', '--non-interactive', '--no-progress'],
  installLocked: ['install', '--non-interactive', '--no-progress', '--frozen-lockfile'],
  lockfile: 'yarn.lock',
  proxy: proxyEnv,
}

const berry = (registry: string): string =>
  [`npmRegistryServer: ${registry}`, 'unsafeHttpWhitelist: ["*"]', 'nodeLinker: node-modules', 'enableTelemetry: false', 'enableProgressBars: false', ''].join('\n')

const yarn4: Client = {
  id: 'yarn4',
  title: `yarn ${versionOf('yarn4')}`,
  program: script('yarn4', 'bin/yarn.js'),
  settings: (registry) => ({ '.yarnrc.yml': berry(registry) }),
  install: ['install', '--no-immutable'],
  installLocked: ['install', '--immutable'],
  lockfile: 'yarn.lock',
  proxy: (url) => ({ YARN_HTTP_PROXY: url }),
}

const bun: Client = {
  id: 'bun',
  title: `bun ${versionOf('@oven/bun-linux-x64')}`,
  program: binary('@oven', /^bun-/, 'bin/bun'),
  settings: (registry) => ({ 'bunfig.toml': `telemetry = false\n[install]\nregistry = "${registry}/"\n` }),
  install: ['install', '--no-progress'],
  installLocked: ['install', '--no-progress', '--frozen-lockfile'],
  lockfile: 'bun.lock',
  proxy: proxyEnv,
}

const deno: Client = {
  id: 'deno',
  title: `deno ${versionOf('@deno/linux-x64-glibc')}`,
  program: binary('@deno', /./, 'deno'),
  settings: (registry) => ({ '.npmrc': `registry=${registry}/\n` }),
  env: { DENO_NO_UPDATE_CHECK: '1', DENO_NO_PROMPT: '1' },
  install: ['install', '--node-modules-dir=auto'],
  installLocked: ['install', '--node-modules-dir=auto', '--frozen'],
  lockfile: 'deno.lock',
  proxy: proxyEnv,
}

export const CLIENTS: readonly Client[] = [
  npm(10),
  npm(11),
  npm(12),
  pnpm(9, 'pnpm9', script('pnpm9', 'bin/pnpm.cjs')),
  pnpm(10, 'pnpm10', script('pnpm10', 'bin/pnpm.cjs')),
  pnpm(11, 'pnpm11', script('pnpm11', 'bin/pnpm.mjs')),
  pnpm(12, '@pnpm/exe.linux-x64', binary('@pnpm', /^exe\./, 'pnpm')),
  yarn1,
  yarn4,
  bun,
  deno,
]
