import { useQuery } from '@tanstack/react-query'
import { meQuery } from '@/api/queries'

/** What the reader may try; the server decides. */
export function useRole() {
  const { data: me } = useQuery(meQuery)
  return { me, isAdmin: me?.role === 'admin', mayWrite: me !== undefined && me.role !== 'viewer' }
}
