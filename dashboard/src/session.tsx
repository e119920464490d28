import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react'
import { isObject } from '../../plugin/domain/json.ts'
import { json, logIn, onRefusedToken, tokens } from './api.ts'

export interface Account {
  readonly user: string | null
  readonly groups: readonly string[]
  readonly canRead: boolean
  readonly canWrite: boolean
}

export interface Session extends Account {
  /** False until it is known who is signed in. */
  readonly isKnown: boolean
  /** Why it is not known. */
  readonly problem: unknown
  /** The mirror no longer takes the token: the login is asked for again, over the page. */
  readonly hasExpired: boolean
  /** Counts logins and logouts: what was loaded by another is loaded again. */
  readonly epoch: number
  readonly logIn: (name: string, password: string) => Promise<void>
  readonly logOut: () => void
  /** Goes on without an account. */
  readonly dismiss: () => void
}

const NOBODY: Account = { user: null, groups: [], canRead: false, canWrite: false }
const Context = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  const session = use(Context)
  if (session === undefined) throw new Error('outside the session')
  return session
}

export function SessionProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [account, setAccount] = useState(NOBODY)
  const [isKnown, setKnown] = useState(false)
  const [problem, setProblem] = useState<unknown>(undefined)
  const [hasExpired, setExpired] = useState(false)
  const [epoch, setEpoch] = useState(0)

  const refresh = useCallback(async (): Promise<Account> => {
    const found = accountOf(await json<unknown>('v1/session'))
    setAccount(found)
    setKnown(true)
    setProblem(undefined)
    return found
  }, [])

  const expire = useCallback(() => {
    if (tokens.get() === null) return
    tokens.set(null)
    setExpired(true)
  }, [])

  useEffect(() => {
    const stop = onRefusedToken(expire)
    refresh().then(
      // A token that is no longer taken may leave its bearer nobody, rather than refused.
      ({ user }) => { if (user === null) expire() },
      (error: unknown) => {
        setProblem(error)
        setKnown(true)
      },
    )
    return stop
  }, [refresh, expire])

  const session = useMemo<Session>(() => ({
    ...account,
    isKnown,
    problem,
    hasExpired,
    epoch,
    logIn: async (name, password) => {
      tokens.set(await logIn(name, password))
      const { user } = await refresh()
      if (user === null) {
        tokens.set(null)
        throw new Error('the mirror does not take the token that its own login gave: see `security` in its configuration')
      }
      setExpired(false)
      setEpoch((before) => before + 1)
    },
    logOut: () => {
      tokens.set(null)
      // Whoever sits here next finds nothing of what was loaded or written.
      window.location.reload()
    },
    dismiss: () => {
      setExpired(false)
      setAccount(NOBODY)
      setEpoch((before) => before + 1)
    },
  }), [account, isKnown, problem, hasExpired, epoch, refresh])

  return <Context value={session}>{children}</Context>
}

const accountOf = (answer: unknown): Account => {
  if (!isObject(answer)) return NOBODY
  const { user, groups, canRead, canWrite } = answer
  return {
    user: typeof user === 'string' && user !== '' ? user : null,
    groups: Array.isArray(groups) ? groups.filter((group): group is string => typeof group === 'string') : [],
    canRead: canRead === true,
    canWrite: canWrite === true,
  }
}
