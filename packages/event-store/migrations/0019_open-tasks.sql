-- Tasks that wait for a person: a handful among all the steps there ever were.
CREATE INDEX steps_tasks_open ON read_model.steps (request_id, tenant_id) WHERE detail #>> '{task,state}' = 'open';
