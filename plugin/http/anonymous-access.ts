import type { Permission, VerdaccioAuth } from './access.ts'

/** Whether everybody may read a package. */
export interface AnonymousAccess {
  /** Takes note that something was read by `user`; answers whether that was nobody in particular. */
  remember(user: unknown): boolean
  /** Whether such a user may read this now. */
  isGranted(asked: Parameters<Permission>[0]): boolean
}

/**
 * Verdaccio decides by its auth plugins, one after the other, and then by `packages` of its configuration. Where no plugin has a say,
 * what was granted once is granted for as long as the process lives; where one has, it is asked each time, and has to answer at once.
 */
export function anonymousAccess(auth: VerdaccioAuth): AnonymousAccess {
  let anonymous: unknown
  const isConstant = decidesByConfiguration(auth)
  return {
    remember: (user) => {
      const name: unknown = user !== null && typeof user === 'object' && 'name' in user ? user.name : undefined
      if (user === null || typeof user !== 'object' || name !== undefined) return false
      anonymous = user
      return true
    },
    isGranted: (asked) => {
      if (isConstant) return true
      let granted = false
      auth.allow_access(asked, anonymous, (error, allowed) => { granted = !error && allowed === true })
      return granted
    },
  }
}

/** The last plugin of the list is Verdaccio's own, which reads the configuration. */
function decidesByConfiguration({ plugins }: { readonly plugins?: unknown }): boolean {
  if (!Array.isArray(plugins)) return false
  const deciding = plugins.filter((plugin: unknown) => plugin !== null && typeof plugin === 'object' && typeof (plugin as { allow_access?: unknown }).allow_access === 'function')
  return deciding.length === 1 && deciding[0] === plugins.at(-1)
}
