import type { LucideIcon } from 'lucide-react'
import type { ComponentProps } from 'react'
import { Button } from '@/components/ui/button'

type ItemButtonProps = Omit<ComponentProps<typeof Button>, 'icon' | 'size' | 'look'> & { icon: LucideIcon }

/** Something that can be done with an item of a list. */
export function ItemButton({ icon: Icon, ...rest }: ItemButtonProps) {
  return <Button size="small" look="quiet" icon={<Icon aria-hidden className="size-3.5" />} {...rest} />
}
