import { z } from 'zod'

/** Groups that Verdaccio puts strangers in. */
const EVERYBODY = ['$all', '@all', 'all', '$anonymous', '@anonymous', 'anonymous', 'undefined']

const group = z
  .string()
  .min(1, 'names nobody')
  .refine((name) => !EVERYBODY.includes(name), {
    message: 'has everybody in it, and what was decided is for users who are logged in',
    params: { remedy: 'Write $authenticated for all of them, or the names of groups or users.' },
  })

/** Who sees what the mirror decided (`read`), and who decides on pins and sees who asked for what (`write`). */
export const dashboardSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    read: z.array(group).default(['$authenticated']),
    write: z.array(group).default([]),
  })
  .prefault({})
