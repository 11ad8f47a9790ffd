import { Plus, Sparkles, Upload } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import type { SkillView } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { inputClass } from '@/components/ui/field'
import { Page } from '@/components/ui/page'
import { EmptyState, ErrorState, SkeletonRows } from '@/components/ui/states'
import { useText } from '@/i18n'
import { skills as area } from '@/i18n/skills'
import { More } from '../kit/list'
import { usePages } from '../kit/use-pages'
import { useRole } from '../kit/use-role'
import { loadSkills, SKILLS } from './queries'
import { SkillItem } from './skill-item'

const SkillForm = lazy(() => import('./skill-form').then(({ SkillForm }) => ({ default: SkillForm })))
const ImportForm = lazy(() => import('./import-form').then(({ ImportForm }) => ({ default: ImportForm })))

const SOURCES = ['managed', 'offered', 'workspace', 'bundled'] as const

export function SkillsPage() {
  const t = useText(area)
  const { mayWrite } = useRole()
  const pages = usePages([...SKILLS, 'list'], loadSkills)
  const [text, setText] = useState('')
  const [open, setOpen] = useState<SkillView | 'new' | 'import'>()
  const { items, error, retry } = pages
  const wanted = text.toLowerCase()
  const found = items?.filter(({ name, description }) =>
    `${name} ${description ?? ''}`.toLowerCase().includes(wanted),
  )
  const close = () => setOpen(undefined)
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        mayWrite && (
          <div className="flex gap-2">
            <Button icon={<Upload aria-hidden className="size-4" />} onClick={() => setOpen('import')}>
              {t.import}
            </Button>
            <Button
              look="primary"
              icon={<Plus aria-hidden className="size-4" />}
              onClick={() => setOpen('new')}
            >
              {t.add}
            </Button>
          </div>
        )
      }
    >
      {error && !items && <ErrorState error={error} onRetry={retry} />}
      {!items && !error && <SkeletonRows rows={4} />}
      {items && (
        <input
          type="search"
          aria-label={t.search}
          placeholder={t.search}
          className={`${inputClass} mb-2 h-9 pointer-coarse:h-11`}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      )}
      {items && !items.some(({ source }) => source === 'managed') && text === '' && (
        <EmptyState icon={<Sparkles className="size-6" />} title={t.none}>
          <p>{t.noneText}</p>
        </EmptyState>
      )}
      {found?.length === 0 && text !== '' && <p className="py-8 text-center text-ink-2">{t.noMatch}</p>}
      {SOURCES.map((source) => {
        const skills = found?.filter((skill) => skill.source === source)
        if (!skills?.length) return null
        return (
          <section key={source} aria-label={t.sources[source]} className="mt-5">
            <p className="mb-2 text-sm">
              <span className="font-semibold">{t.sources[source]}</span>{' '}
              <span className="text-ink-3">{t.sourceHints[source]}</span>
            </p>
            <ul className="grid gap-3">
              {skills.map((skill) => (
                <SkillItem
                  key={skill.id ?? skill.name}
                  skill={skill}
                  mayWrite={mayWrite}
                  onEdit={() => setOpen(skill)}
                />
              ))}
            </ul>
          </section>
        )
      })}
      <More pages={pages} />
      <Suspense>
        {open === 'import' && <ImportForm onClose={close} />}
        {open && open !== 'import' && <SkillForm skill={open === 'new' ? undefined : open} onClose={close} />}
      </Suspense>
    </Page>
  )
}
