import { useState } from 'react'
import type { ImageBody } from '@/api/schema'
import { toastProblem } from '@/components/ui/toast'

export interface Picture extends ImageBody {
  name: string
}

const TYPES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const
export const ACCEPTED = TYPES.join(',')

type MediaType = (typeof TYPES)[number]

async function read(file: File, media_type: MediaType): Promise<Picture> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return { type: 'image', media_type, data: btoa(binary), name: file.name }
}

/** Pictures that go with the next prompt; whether they are any the server says. */
export function useAttachments() {
  const [pictures, setPictures] = useState<Picture[]>([])
  const add = (files: Iterable<File>) => {
    const images = [...files].flatMap((file) => {
      const type = TYPES.find((type) => type === file.type)
      return type ? [read(file, type)] : []
    })
    void Promise.all(images)
      .then((read) => setPictures((known) => [...known, ...read]))
      .catch(toastProblem)
    return images.length > 0
  }
  return {
    pictures,
    add,
    remove: (gone: Picture) => setPictures((known) => known.filter((picture) => picture !== gone)),
    clear: () => setPictures([]),
    /** As the server takes them. */
    body: pictures.map(({ name: _, ...image }) => image),
  }
}

export type Attachments = ReturnType<typeof useAttachments>
