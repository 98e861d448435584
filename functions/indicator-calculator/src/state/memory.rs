//! State in memory, for tests: the port's contract without a service, and with the failures of one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Condition, Item, ItemKey, SaveError, StateStore, StoreError, Write};
use crate::fault::{Fault, Injected};

/// Keeps items in memory. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    items: BTreeMap<ItemKey, Item>,
    faults: Option<Faults>,
}

type Faults = Box<dyn FnMut(StoreCall<'_>) -> Option<Fault> + Send>;

/// A call that may be made to fail.
#[derive(Debug, Clone, Copy)]
pub enum StoreCall<'c> {
    /// Of [`StateStore::load`].
    Load(&'c [ItemKey]),
    /// Of [`StateStore::save`].
    Save(&'c Write),
}

impl MemoryStore {
    /// Lets `faults` decide from now on which call fails, and when.
    pub fn inject(&self, faults: impl FnMut(StoreCall<'_>) -> Option<Fault> + Send + 'static) {
        self.lock().faults = Some(Box::new(faults));
    }

    /// Lets no call fail from now on.
    pub fn heal(&self) {
        self.lock().faults = None;
    }

    /// Every item, ordered by its key.
    pub fn items(&self) -> Vec<Item> {
        self.lock().items.values().cloned().collect()
    }

    /// A panic of a test leaves nothing half done behind the lock.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryStore").field(&self.items()).finish()
    }
}

impl StateStore for MemoryStore {
    async fn load(&self, keys: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        let mut inner = self.lock();
        match inner.fault(StoreCall::Load(keys)) {
            Some(_) => Err(StoreError(Box::new(Injected))),
            None => Ok(keys.iter().filter_map(|key| inner.items.get(key)).cloned().collect()),
        }
    }

    async fn save(&self, write: &Write) -> Result<(), SaveError> {
        let mut inner = self.lock();
        let fault = inner.fault(StoreCall::Save(write));
        if fault != Some(Fault::Before) {
            inner.write(write)?;
        }
        fault.map_or(Ok(()), |_| Err(StoreError(Box::new(Injected)).into()))
    }
}

impl Inner {
    fn fault(&mut self, call: StoreCall<'_>) -> Option<Fault> {
        self.faults.as_mut().and_then(|faults| faults(call))
    }

    fn write(&mut self, write: &Write) -> Result<(), SaveError> {
        let stored = self.items.get(&write.item.key);
        let holds = match write.condition {
            Condition::Absent => stored.is_none(),
            Condition::Unchanged(order) => stored.is_some_and(|stored| stored.order == order),
            Condition::NotBehind => stored.is_none_or(|stored| stored.order <= write.item.order),
        };
        if !holds && stored != Some(&write.item) {
            return Err(SaveError::Condition);
        }
        self.items.insert(write.item.key.clone(), write.item.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::contract;

    #[tokio::test]
    async fn the_contract_holds() {
        contract::check(&MemoryStore::default()).await;
    }

    #[tokio::test]
    async fn a_save_fails_before_or_after_its_effect() {
        let store = MemoryStore::default();
        let write = contract::write("a", 1, Condition::Absent);
        for (fault, stored) in [(Fault::Before, 0), (Fault::After, 1)] {
            store.inject(move |call| matches!(call, StoreCall::Save(_)).then_some(fault));
            assert!(matches!(store.save(&write).await, Err(SaveError::Store(_))));
            assert_eq!(store.load(std::slice::from_ref(&write.item.key)).await.unwrap().len(), stored);
        }
        store.heal();
        assert!(store.save(&write).await.is_ok());
    }
}
