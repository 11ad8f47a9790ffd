import { Pencil, Sparkles } from 'lucide-react'
import { api, content } from '@/api/client'
import type { SkillView } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { skills as area } from '@/i18n/skills'
import { EnableSwitch } from '../kit/enable-switch'
import { HistoryButton } from '../kit/history-button'
import { Item } from '../kit/list'
import { RemoveButton } from '../kit/remove-button'
import { loadSkillHistory, SKILLS } from './queries'

interface SkillItemProps {
  skill: SkillView
  mayWrite: boolean
  onEdit: () => void
}

export function SkillItem({ skill, mayWrite, onEdit }: SkillItemProps) {
  const t = useText(area)
  const words = useText(manage)
  const { id, name, enabled, source, category } = skill
  const params = { path: { name: id ?? name } }
  const isOurs = source === 'managed'
  return (
    <Item
      icon={<Sparkles className="size-4.5" />}
      title={name}
      badges={
        <>
          {category && <Badge>{t.categories[category]}</Badge>}
          {isOurs && !enabled && <Badge>{words.off}</Badge>}
          {skill.scope === 'workspace' && <Badge tone="info">{words.scopeIn(skill.working_dir ?? '')}</Badge>}
        </>
      }
      end={
        mayWrite &&
        (isOurs || source === 'offered') && (
          <EnableSwitch
            name={name}
            enabled={enabled}
            changes={SKILLS}
            set={(enabled) => content(api.PATCH('/api/skills/{name}', { params, body: { enabled } }))}
          />
        )
      }
      actions={
        mayWrite &&
        isOurs &&
        id && (
          <>
            <Button
              size="small"
              look="quiet"
              icon={<Pencil aria-hidden className="size-3.5" />}
              onClick={onEdit}
            >
              {words.edit}
            </Button>
            <HistoryButton
              name={name}
              changes={SKILLS}
              load={(cursor) => loadSkillHistory(id, cursor)}
              restore={(version) =>
                api.POST('/api/skills/{name}/history/{version}/restore', {
                  params: { path: { name: id, version } },
                })
              }
            />
            <RemoveButton
              name={name}
              consequence={t.consequence}
              changes={SKILLS}
              remove={() => api.DELETE('/api/skills/{name}', { params })}
            />
          </>
        )
      }
    >
      {skill.description}
    </Item>
  )
}
