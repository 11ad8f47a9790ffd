//! Plans as the model proposes them, for people to read.
//!
//! Claude Code 2.1.332 asks about a plan without its text unless the model wrote the file for it; the text is
//! in the tool use alone then.

use runner_core::agent::AgentOutput;
use runner_core::request::RequestKind;
use serde_json::Value;

/// The plan that was proposed last.
#[derive(Debug, Default)]
pub(super) struct ProposedPlan {
    tool_use_id: String,
    plan: Value,
}

impl ProposedPlan {
    /// Puts the text of a plan into a request that lacks it.
    pub(super) fn complete(&mut self, mut output: AgentOutput) -> AgentOutput {
        if let AgentOutput::ToolUsed { tool_use_id, input, .. } = &output
            && input["plan"].is_string()
        {
            (self.tool_use_id, self.plan) = (tool_use_id.clone(), input["plan"].clone());
        }
        if let AgentOutput::Asked { kind: RequestKind::Plan, request } = &mut output
            && request.tool_use_id == self.tool_use_id
            && let Some(input) = request.input.as_object_mut()
        {
            input.entry("plan").or_insert_with(|| self.plan.take());
        }
        output
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ProposedPlan;
    use crate::claude::protocol::decode::decode;
    use crate::claude::protocol::incoming::Incoming;
    use runner_core::agent::AgentOutput;

    #[test]
    fn request_without_a_plan_has_that_of_its_tool_use() {
        let mut plans = ProposedPlan::default();

        assert_eq!(asked(&mut plans, &json!({ "plan": "the plan" }), &json!({})), "the plan");
        assert_eq!(asked(&mut plans, &json!({}), &json!({})), json!(null), "another one");
        assert_eq!(
            asked(&mut plans, &json!({ "plan": "old" }), &json!({ "plan": "of the file" })),
            "of the file"
        );
    }

    fn asked(
        plans: &mut ProposedPlan,
        used: &serde_json::Value,
        input: &serde_json::Value,
    ) -> serde_json::Value {
        let id = uuid::Uuid::now_v7().to_string();
        let block = json!({ "type": "tool_use", "id": id, "name": "ExitPlanMode", "input": used });
        let used = json!({ "type": "assistant", "message": { "id": "m", "content": [block] } });
        let request = json!({
            "subtype": "can_use_tool", "tool_name": "ExitPlanMode", "tool_use_id": id, "input": input,
        });
        let asked = json!({ "type": "control_request", "request_id": "r", "request": request });
        let mut outputs = vec![];
        for line in [used, asked] {
            for incoming in decode(line.to_string().as_bytes(), &mut String::new()) {
                let Incoming::Output(output) = incoming else { panic!("{incoming:?}") };
                outputs.push(plans.complete(output));
            }
        }
        let Some(AgentOutput::Asked { request, .. }) = outputs.pop() else { panic!("{outputs:?}") };
        request.input["plan"].clone()
    }
}
