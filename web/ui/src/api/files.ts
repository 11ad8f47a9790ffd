import { api } from './client'
import type { FolderPage } from './schema'

export type FileOrFolder = { type: 'folder'; entries: FolderPage['entries'] } | { type: 'text'; text: string }

/** A file below the folders of a session, or what is in a folder. */
export async function loadFile(id: string, path: string): Promise<FileOrFolder> {
  const params = { path: { id }, query: { path, limit: 200 } }
  const { data, response } = await api.GET('/api/sessions/{id}/files', { params, parseAs: 'text' })
  const text = typeof data === 'string' ? data : ''
  if (!response.headers.get('content-type')?.startsWith('application/json')) return { type: 'text', text }
  const folder: FolderPage = JSON.parse(text)
  return { type: 'folder', entries: folder.entries }
}
