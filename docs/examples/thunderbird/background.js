// Shows the mark of the message on display in the button of its header pane.
"use strict";

messenger.messageDisplay.onMessagesDisplayed.addListener(async (tab, displayed) => {
  const messages = displayed.messages || displayed;
  if (messages.length !== 1) return;
  const full = await messenger.messages.getFull(messages[0].id);
  const { label, title } = shown(full.headers, messages[0].author);
  await messenger.messageDisplayAction.setLabel({ tabId: tab.id, label });
  await messenger.messageDisplayAction.setTitle({ tabId: tab.id, title });
  await (label ? messenger.messageDisplayAction.enable(tab.id)
    : messenger.messageDisplayAction.disable(tab.id));
});
