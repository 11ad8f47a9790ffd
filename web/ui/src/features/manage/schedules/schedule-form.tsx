import { useState } from 'react'
import { api, content } from '@/api/client'
import type { ConcurrencyPolicy, PermissionMode, ScheduleView } from '@/api/schema'
import { TextAreaField, TextField } from '@/components/ui/field'
import { SelectField } from '@/components/ui/select'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { manage } from '@/i18n/manage'
import { schedules as area } from '@/i18n/schedules'
import { session } from '@/i18n/session'
import type { FormValues } from '../kit/form-data'
import { FormDialog } from '../kit/form-dialog'
import { SCHEDULES } from './queries'

const PRESETS = {
  hourly: '0 * * * *',
  nightly: '30 2 * * *',
  weekdays: '0 9 * * mon-fri',
  weekly: '0 8 * * mon',
} as const
type Preset = keyof typeof PRESETS | 'custom'
const PRESET_NAMES = [
  'hourly',
  'nightly',
  'weekdays',
  'weekly',
  'custom',
] as const satisfies readonly Preset[]

const MODES = [
  'dontAsk',
  'default',
  'acceptEdits',
  'plan',
  'bypassPermissions',
] as const satisfies readonly PermissionMode[]

const NAMES = [
  'name',
  'prompt',
  'cron',
  'time_zone',
  'permission_mode',
  'working_dir',
  'model',
  'max_budget_usd',
  'concurrency_policy',
]

function presetOf(cron: string | undefined): Preset {
  if (cron === undefined) return 'nightly'
  return PRESET_NAMES.find((name) => name !== 'custom' && PRESETS[name] === cron) ?? 'custom'
}

interface ScheduleFormProps {
  /** The one that is changed; a new one if absent. */
  schedule?: ScheduleView
  onClose: () => void
}

export function ScheduleForm({ schedule, onClose }: ScheduleFormProps) {
  const t = useText(area)
  const words = useText(common)
  const { saved } = useText(manage)
  const modes = useText(session).modes
  const [preset, setPreset] = useState(presetOf(schedule?.cron))
  const [mode, setMode] = useState<PermissionMode>(schedule?.permission_mode ?? 'dontAsk')
  const [overlap, setOverlap] = useState<ConcurrencyPolicy>(schedule?.concurrency_policy ?? 'skip')
  const save = (values: FormValues) => {
    const folder = values.optional('working_dir')
    const fields = {
      name: values.text('name'),
      prompt: values.text('prompt'),
      cron: preset === 'custom' ? values.text('cron') : PRESETS[preset],
      time_zone: values.text('time_zone'),
      permission_mode: mode,
      concurrency_policy: overlap,
      ...(folder && { working_dir: folder }),
      model: values.optional('model'),
      max_budget_usd: values.number('max_budget_usd'),
    }
    if (!schedule) return content(api.POST('/api/schedules', { body: fields }))
    return content(api.PATCH('/api/schedules/{id}', { params: { path: { id: schedule.id } }, body: fields }))
  }
  return (
    <FormDialog
      title={schedule ? t.editTitle(schedule.name) : t.addTitle}
      submit={words.save}
      names={NAMES}
      save={save}
      changes={SCHEDULES}
      onSaved={() => toast('good', saved)}
      onClose={onClose}
    >
      {(error) => (
        <>
          <TextField
            label={t.name}
            name="name"
            required
            maxLength={100}
            defaultValue={schedule?.name}
            error={error('name')}
          />
          <TextAreaField
            label={t.prompt}
            name="prompt"
            required
            rows={4}
            defaultValue={schedule?.prompt}
            error={error('prompt')}
          />
          <SelectField
            label={t.when}
            value={preset}
            options={PRESET_NAMES.map((value) => ({ value, label: t.presets[value] }))}
            onValue={setPreset}
            error={preset === 'custom' ? undefined : error('cron')}
          />
          {preset === 'custom' && (
            <TextField
              label={t.cron}
              name="cron"
              required
              className="font-mono"
              placeholder="*/15 9-17 * * mon-fri"
              defaultValue={schedule?.cron}
              hint={t.cronHint}
              error={error('cron')}
            />
          )}
          <TextField
            label={t.timeZone}
            name="time_zone"
            required
            defaultValue={schedule?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone}
            hint={t.timeZoneHint}
            error={error('time_zone')}
          />
          <SelectField
            label={t.mode}
            value={mode}
            options={MODES.map((value) => ({ value, label: modes[value] }))}
            onValue={setMode}
            hint={t.modeHint}
            error={error('permission_mode')}
          />
          <TextField
            label={t.budget}
            name="max_budget_usd"
            type="number"
            min="0"
            step="any"
            defaultValue={schedule?.max_budget_usd ?? ''}
            hint={t.budgetHint}
            error={error('max_budget_usd')}
          />
          <TextField
            label={t.workingDir}
            name="working_dir"
            className="font-mono"
            defaultValue={schedule?.working_dir}
            hint={t.workingDirHint}
            error={error('working_dir')}
          />
          <TextField
            label={t.model}
            name="model"
            defaultValue={schedule?.model ?? ''}
            hint={t.modelHint}
            error={error('model')}
          />
          <SelectField
            label={t.overlap}
            value={overlap}
            options={(['skip', 'queue'] as const).map((value) => ({ value, label: t.overlaps[value] }))}
            onValue={setOverlap}
            error={error('concurrency_policy')}
          />
        </>
      )}
    </FormDialog>
  )
}
